import {
  chmodSync,
  chownSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, it } from 'vitest';
import { tempDir, testSystem } from '../../test/support/temp-home.ts';
import { UserError } from '../base/index.ts';
import { homePaths, type Place } from './paths.ts';
import { saveSession, sessionFor } from './session.ts';

const TOKEN = 'sk-canary-0123456789';
const ACME = { token: TOKEN, team: 'acme', user: 'alice@example.com' };

function place(): Place {
  const system = testSystem(tempDir(), { now: 1_700_000_000_000 });
  return { system, paths: homePaths(system) };
}

function placeWith(text: string): Place {
  const home = place();
  mkdirSync(home.paths.root, { recursive: true, mode: 0o700 });
  writeFileSync(home.paths.session, text, { mode: 0o600 });
  return home;
}

function refusal(act: () => unknown): UserError {
  try {
    act();
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('sessions', () => {
  it('are bound to one origin', () => {
    const home = place();
    expect(sessionFor(home, 'https://a.example')).toBeNull();
    const saved = saveSession(home, 'HTTPS://A.example:443/api/', ACME);
    expect(saved).toEqual({
      ...ACME,
      origin: 'https://a.example',
      kind: 'machine',
      savedAt: 1_700_000_000_000,
    });
    expect(sessionFor(home, 'https://a.example/other/path')).toEqual(saved);
    for (const other of [
      'http://a.example',
      'https://a.example:8443',
      'https://b.a.example',
      'https://a.example.evil',
      'https://a.example@evil.example',
      'not a url',
      '__proto__',
    ]) {
      expect(sessionFor(home, other)).toBeNull();
    }
  });

  it('are kept beside each other, and replaced', () => {
    const home = place();
    saveSession(home, 'https://a.example', ACME);
    saveSession(home, 'http://[::1]:8080', { token: 'second', team: null, user: null });
    saveSession(home, 'https://a.example', { ...ACME, token: 'third' });
    expect(sessionFor(home, 'https://a.example')?.token).toBe('third');
    expect(sessionFor(home, 'http://[::1]:8080/x')).toMatchObject({ token: 'second', team: null });
    expect(sessionFor(home, 'http://[::1]:8080')?.token).toBe('second');
    expect(readFileSync(home.paths.session, 'utf8')).not.toContain(TOKEN);
  });

  it('lie in a file that is the owner’s alone, whatever the umask', () => {
    const before = process.umask(0);
    try {
      const home = place();
      saveSession(home, 'https://a.example', ACME);
      expect(statSync(home.paths.session).mode & 0o777).toBe(0o600);
      expect(statSync(home.paths.root).mode & 0o777).toBe(0o700);
    } finally {
      process.umask(before);
    }
  });

  it('cannot hold what no header can carry', () => {
    const home = place();
    for (const token of ['', 'a b', 'a\nb: c', 'é', 'x'.repeat(16_385)]) {
      const error = refusal(() => saveSession(home, 'https://a.example', { ...ACME, token }));
      expect(error.code).toBe('usage');
    }
    expect(refusal(() => saveSession(home, 'https://u@a.example', ACME)).code).toBe('invalid_url');
    expect(home.system.files.lstat(home.paths.session)).toBeNull();
  });

  it.each([0o640, 0o604, 0o660])('are not read from a file with mode %o', (mode) => {
    const home = place();
    saveSession(home, 'https://a.example', ACME);
    chmodSync(home.paths.session, mode);
    const error = refusal(() => sessionFor(home, 'https://a.example'));
    expect(error.code).toBe('session_unreadable');
    expect(error.remedy).toBe(`chmod 600 '${home.paths.session}'`);
    expect(error.message).not.toContain(TOKEN);
    expect(refusal(() => saveSession(home, 'https://b.example', ACME)).code).toBe(
      'session_unreadable',
    );
    chmodSync(home.paths.session, 0o600);
    expect(sessionFor(home, 'https://a.example')?.token).toBe(TOKEN);
  });

  it.runIf(process.getuid?.() === 0)('are not read from another user’s file', () => {
    const home = place();
    saveSession(home, 'https://a.example', ACME);
    chownSync(home.paths.session, 1234, 1234);
    const error = refusal(() => sessionFor(home, 'https://a.example'));
    expect(error).toMatchObject({ code: 'session_unreadable' });
    expect(error.remedy).toBe(`chown 0 '${home.paths.session}'`);
  });

  it('are not read through a link', () => {
    const other = place();
    saveSession(other, 'https://a.example', ACME);
    const home = place();
    mkdirSync(home.paths.root, { recursive: true });
    symlinkSync(other.paths.session, home.paths.session);
    const error = refusal(() => sessionFor(home, 'https://a.example'));
    expect(error).toMatchObject({ code: 'session_unreadable' });
    expect(error.remedy).toBe(`rm '${home.paths.session}'`);
  });

  it.each([
    `{"sessions": ${TOKEN}`,
    `["${TOKEN}"]`,
    `{"version": 2, "sessions": {"https://a.example": {"token": "${TOKEN}"}}}`,
    `{"version": 1, "sessions": "${TOKEN}"}`,
    `{"version": 1, "sessions": {"https://a.example": "${TOKEN}"}}`,
    `{"version": 1, "sessions": {"https://a.example": {"token": "${TOKEN} x"}}}`,
    '',
  ])('are refused without a word of the file: %j', (text) => {
    const home = placeWith(text);
    const error = refusal(() => sessionFor(home, 'https://a.example'));
    expect(error.code).toBe('session_unreadable');
    expect(`${error.message} ${error.stack ?? ''} ${String(error.cause)}`).not.toContain(TOKEN);
    expect(error.remedy).toBe(`rm '${home.paths.session}'`);
  });

  it('fills in what an entry does not say', () => {
    const home = placeWith(`{"version": 1, "sessions": {"https://a.example": {"token": "t"}}}`);
    expect(sessionFor(home, 'https://a.example')).toEqual({
      origin: 'https://a.example',
      token: 't',
      team: null,
      user: null,
      kind: 'machine',
      savedAt: 0,
    });
  });

  it('keeps a quote in a path inside the remedy', () => {
    const home = placeWith('x');
    const paths = {
      ...home.paths,
      root: `${home.paths.root}/it's`,
      session: `${home.paths.root}/it's/s`,
    };
    mkdirSync(paths.root);
    writeFileSync(paths.session, 'x', { mode: 0o600 });
    const error = refusal(() => sessionFor({ ...home, paths }, 'https://a.example'));
    expect(error.remedy).toBe(`rm '${home.paths.root}/it'\\''s/s'`);
  });
});
