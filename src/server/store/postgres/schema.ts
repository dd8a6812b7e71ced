import type { ClientBase } from 'pg';
import { type Migration, type Millis, sha256Hex, stepsAfter } from '../../../base/index.ts';
import { receiverMigrations } from '../migrations.ts';
import { postgresDialect } from './driver.ts';
import { dress, undress } from './walls.ts';

/** One process at a time changes the schema; the others wait and find it done. */
const LOCK = 0x5343_4845_4d41;

const LEDGER = `
  CREATE TABLE IF NOT EXISTS migrations (
    number BIGINT PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL,
    breaking BIGINT NOT NULL CHECK (breaking IN (0, 1)), applied_at BIGINT NOT NULL)`;

const RECORD = `
  INSERT INTO migrations (number, name, sha256, breaking, applied_at) VALUES ($1, $2, $3, $4, $5)`;

/** Whether a receiver has ever been here. */
export async function hasSchema(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ readonly there: boolean }>(
    `SELECT to_regclass('migrations') IS NOT NULL AS there`,
  );
  return rows[0]?.there === true;
}

/**
 * Runs the steps that the database has not seen, all in one transaction; does nothing, and needs no right to, when there
 * is none.
 * @throws UserError `store_newer` when a newer program made a breaking change.
 */
export async function migratePostgres(
  client: ClientBase,
  where: string,
  now: Millis,
): Promise<void> {
  const steps = receiverMigrations(postgresDialect);
  if ((await hasSchema(client)) && (await missing(client, steps, where)).length === 0) return;
  await client.query('BEGIN');
  try {
    await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
    await client.query(LEDGER);
    await runSteps(client, await missing(client, steps, where), now);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}

async function missing(
  client: ClientBase,
  steps: readonly Migration[],
  where: string,
): Promise<readonly Migration[]> {
  type Row = { readonly number: string; readonly name: string; readonly breaking: string };
  const { rows } = await client.query<Row>('SELECT number, name, breaking FROM migrations');
  const ran = rows.map(({ number, name, breaking }) => ({
    number: Number(number),
    name,
    breaking: Number(breaking),
  }));
  return stepsAfter(ran, steps, where);
}

async function runSteps(
  client: ClientBase,
  steps: readonly Migration[],
  now: Millis,
): Promise<void> {
  if (steps.length === 0) return;
  await undress(client);
  for (const { number, name, sql, breaking } of steps) {
    await client.query(sql);
    await client.query(RECORD, [number, name, sha256Hex(sql), breaking ? 1 : 0, now]);
  }
  await dress(client);
}
