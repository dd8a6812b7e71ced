import { mkdirSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { systemClock } from '../../src/base/index.ts';
import { openHome, type Home } from '../../src/home/index.ts';
import { migrateSources, type Migration } from '../../src/legacy/index.ts';
import { PROJECT_ID } from './envelopes.ts';
import { photograph } from './old-home.ts';
import { tempDir, testSystem } from './temp-home.ts';

export interface LegacyPlace {
  /** What the earlier program wrote, and nobody else may. */
  readonly old: string;
  readonly home: Home;
}

/** Sources lie in a home of their own, so that a photograph of it shows any touch. */
export function legacyPlace(): LegacyPlace {
  const dir = tempDir();
  const old = path.join(dir, 'old');
  mkdirSync(old);
  const env = { SPEC_KITTY_HOME: path.join(dir, 'home') };
  const home = openHome({ ...testSystem(dir, { env }), clock: systemClock() });
  onTestFinished(() => {
    home.close();
  });
  return { old, home };
}

export async function migrateUntouched({ home, old }: LegacyPlace): Promise<Migration> {
  const before = photograph(old);
  const migration = await migrateSources(home, { named: [old] });
  expect(photograph(old)).toEqual(before);
  return migration;
}

export function ends(
  migration: Migration,
): readonly (readonly [string, number, number, string | null])[] {
  return migration.sources.map(({ source, tally, error }) => [
    source.digest,
    tally.imported,
    tally.identical,
    error === null ? null : 'error',
  ]);
}

export function captured(home: Home, id = PROJECT_ID): number {
  return home.store(id).get<{ n: number }>('SELECT count(*) AS n FROM events')?.n ?? 0;
}

export function aged(file: string): void {
  utimesSync(file, 1_780_000_000, 1_780_000_000);
}
