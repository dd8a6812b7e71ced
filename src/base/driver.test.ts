import { describe, expect, it } from 'vitest';
import { refusal } from '../../test/support/refusal.ts';
import { driverCandidates, loadDriver } from './driver.ts';

describe('the SQLite driver', () => {
  it('is never tried where it would crash the process', () => {
    expect(driverCandidates(20)).toEqual(['better-sqlite3']);
    expect(driverCandidates(21)).toEqual(['better-sqlite3']);
    expect(driverCandidates(22)[0]).toBe('better-sqlite3-node22');
    expect(driverCandidates(24)).toContain('better-sqlite3');
  });

  it('is the first that loads', () => {
    const Driver = loadDriver(['no-such-driver', 'better-sqlite3']);
    const db = new Driver(':memory:');
    expect(db.prepare('SELECT 1').pluck().get()).toBe(1);
    db.close();
    expect(loadDriver()).toBe(Driver);
  });

  it('is missed in words, with the command that installs it', () => {
    const error = refusal(() => loadDriver(['no-such-driver', 'nor-this']));
    expect(error).toMatchObject({ code: 'driver_missing', exitCode: 1 });
    expect(error.remedy).toContain('npm install');
    expect(error.message).toContain('no-such-driver');
    expect(error.message).toContain('nor-this');
  });
});
