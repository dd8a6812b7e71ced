import { type Clock, EXIT, IntegrityError, sha256Hex, UserError } from '../../base/index.ts';
import { operatorScope } from '../auth.ts';
import type { Driver, Sql } from '../store/driver.ts';
import { readInstance } from '../store/instance.ts';
import { LOCAL_TEAM, type Store } from '../store/store.ts';
import { type Digest, digestOf, lastKey, pagesOf, type Part, writeRows } from './rows.ts';
import { type Table, tablesInOrder } from './tables.ts';

/** What one table held in the end, in both stores. */
export interface MovedTable {
  readonly table: string;
  readonly rows: number;
  /** Of its rows, written now; the others were there already. */
  readonly written: number;
  /** Over all its rows, of all teams in order. */
  readonly sha256: string;
}

export interface Moved {
  readonly instanceId: string;
  readonly tables: readonly MovedTable[];
}

/**
 * Moves everything a store holds into another one, which becomes the same receiver: its clients notice nothing. The
 * rows of both are read again in the end and compared by their hashes. Started again after any interruption it goes
 * on. Nothing may be sent to either meanwhile.
 * @throws UserError `usage` when the second store holds something else already; IntegrityError when the two differ in
 * the end, or bytes are not what their hash says.
 */
export async function moveStore(from: Store, to: Store, clock: Clock): Promise<Moved> {
  const tables = tablesInOrder(clock);
  await adopt(from, to, tables);
  const teams = await teamsOf(from.driver);
  const moved: MovedTable[] = [];
  for (const table of tables) {
    const parts = partsOf(table, teams);
    let written = 0;
    for (const part of parts) written += await copyPart(from.driver, to.driver, part);
    await continueNumbers(from.driver, to.driver, parts);
    moved.push(await compared(from.driver, to.driver, { parts, written }));
  }
  await to.driver.measure();
  return { instanceId: from.instanceId, tables: moved };
}

const BECOME = 'UPDATE instance SET server_instance_id = $1, created_at = $2 RETURNING one';
const BORN = 'SELECT created_at FROM instance';

/** The second store takes over who the first one is; that it has done so is what tells a move from a mistake. */
async function adopt(from: Store, to: Store, tables: readonly Table[]): Promise<void> {
  if ((await readInstance(to.driver)) === from.instanceId) return;
  for (const table of tables.filter(({ name }) => name !== 'teams')) {
    for (const part of partsOf(table, [LOCAL_TEAM])) {
      if ((await lastKey(sideOf(to.driver, part), part)) === null) continue;
      throw new UserError('usage', `${to.path} is in use already: it has ${table.name}`, {
        remedy: 'spec-kitty receiver migrate-store --help',
        exitCode: EXIT.refused,
      });
    }
  }
  const [born] = await from.driver.all<{ readonly created_at: number }>(BORN);
  await to.driver.all(BECOME, [from.instanceId, born?.created_at ?? 0]);
}

const TEAMS = 'SELECT team_id FROM teams UNION SELECT team_id FROM events';

async function teamsOf(driver: Driver): Promise<readonly string[]> {
  const rows = await driver.all<{ readonly team_id: string }>(TEAMS);
  return rows.map((row) => row.team_id).toSorted();
}

function partsOf(table: Table, teams: readonly string[]): readonly Part[] {
  return table.isWalled ? teams.map((team) => ({ table, team })) : [{ table, team: null }];
}

function sideOf(driver: Driver, { team }: Part): Driver {
  return team === null ? driver : driver.of(operatorScope(team));
}

/** @returns rows that were written. */
async function copyPart(from: Driver, to: Driver, part: Part): Promise<number> {
  const source = sideOf(from, part);
  const target = sideOf(to, part);
  const after = part.table.isNumbered ? await lastKey(target, part) : null;
  let written = 0;
  for await (const rows of pagesOf(source, part, after)) {
    await target.tx((sql: Sql) => writeRows(sql, part.table, rows));
    written += rows.length;
  }
  return written;
}

async function continueNumbers(from: Driver, to: Driver, parts: readonly Part[]): Promise<void> {
  let most = 0;
  for (const part of parts.filter(({ table }) => table.isNumbered)) {
    const [last] = (await lastKey(sideOf(from, part), part)) ?? [];
    if (typeof last === 'number') most = Math.max(most, last);
  }
  const [column] = parts[0]?.table.key ?? [];
  if (most > 0 && column !== undefined) {
    await to.numberFrom(parts[0]?.table.name ?? '', column, most);
  }
}

async function compared(
  from: Driver,
  to: Driver,
  { parts, written }: { readonly parts: readonly Part[]; readonly written: number },
): Promise<MovedTable> {
  const table = parts[0]?.table.name ?? '';
  const digests: Digest[] = [];
  for (const part of parts) {
    const ours = await digestOf(sideOf(from, part), part);
    const theirs = await digestOf(sideOf(to, part), part);
    if (ours.sha256 !== theirs.sha256) {
      throw new IntegrityError(
        `${table} differs: ${ours.rows} rows here, ${theirs.rows} there. Something was sent meanwhile, or the second store was changed; stop both receivers and move into an empty store`,
      );
    }
    digests.push(ours);
  }
  const { rows, sha256 } = joined(digests);
  return { table, rows, written, sha256 };
}

function joined(digests: readonly Digest[]): Digest {
  const [only, another] = digests;
  if (only !== undefined && another === undefined) return only;
  return {
    rows: digests.reduce((sum, digest) => sum + digest.rows, 0),
    sha256: sha256Hex(digests.map((digest) => digest.sha256).join('\n')),
  };
}
