import type { Millis } from '../../base/index.ts';
import type { Sql } from './driver.ts';
import type { TeamScope } from './team-scope.ts';

/** How much a team stores and may store, in bytes. */
export interface Usage {
  readonly teamId: string;
  readonly usedBytes: number;
  readonly maxBytes: number;
}

interface Row {
  readonly team_id: string;
  readonly used_bytes: number;
  readonly max_bytes: number;
}

const COUNT = `
  UPDATE team_quotas SET used_bytes = used_bytes + $2 WHERE team_id = $1
  RETURNING team_id, used_bytes, max_bytes`;

/**
 * Counts bytes that are stored, or fewer than none that went. The caller holds the transaction, whose end decides
 * whether they count. Null for a team without a limit.
 */
export async function countBytes(sql: Sql, team: TeamScope, bytes: number): Promise<Usage | null> {
  const [row] = await sql.all<Row>(COUNT, [team, bytes]);
  return row === undefined ? null : toUsage(row);
}

const SET = `
  INSERT INTO team_quotas (team_id, max_bytes, used_bytes, set_at) VALUES ($1, $2, 0, $3)
  ON CONFLICT (team_id) DO UPDATE SET max_bytes = excluded.max_bytes, set_at = excluded.set_at`;
const SUMS = [
  'SELECT coalesce(sum(length(payload)), 0) AS bytes FROM events WHERE team_id = $1',
  'SELECT coalesce(sum(length(content)), 0) AS bytes FROM bodies WHERE team_id = $1',
  'SELECT coalesce(sum(length(payload)), 0) AS bytes FROM tracker_snapshots WHERE team_id = $1',
];
const USE = `
  UPDATE team_quotas SET used_bytes = $2 WHERE team_id = $1
  RETURNING team_id, used_bytes, max_bytes`;
const REMOVE = 'DELETE FROM team_quotas WHERE team_id = $1';

/** Limits a team, or with null no longer, and measures what it has. Reads all of it; the caller holds the transaction. */
export async function setQuota(
  sql: Sql,
  team: TeamScope,
  maxBytes: number | null,
  now: Millis,
): Promise<Usage | null> {
  if (maxBytes === null) {
    await sql.each(REMOVE, [[team]]);
    return null;
  }
  await sql.each(SET, [[team, maxBytes, now]]);
  let used = 0;
  for (const statement of SUMS) {
    const [row] = await sql.all<{ readonly bytes: number | string }>(statement, [team]);
    used += Number(row?.bytes ?? 0);
  }
  const [row] = await sql.all<Row>(USE, [team, used]);
  return row === undefined ? null : toUsage(row);
}

const ONE = 'SELECT team_id, used_bytes, max_bytes FROM team_quotas WHERE team_id = $1';

/** What one team stores and may store; null for a team without a limit. */
export async function usageOf(sql: Sql, team: TeamScope): Promise<Usage | null> {
  const [row] = await sql.all<Row>(ONE, [team]);
  return row === undefined ? null : toUsage(row);
}

const ALL = 'SELECT team_id, used_bytes, max_bytes FROM team_quotas ORDER BY team_id';

/** Every team that has a limit. */
export async function allUsages(sql: Sql): Promise<readonly Usage[]> {
  return (await sql.all<Row>(ALL)).map(toUsage);
}

function toUsage(row: Row): Usage {
  return { teamId: row.team_id, usedBytes: row.used_bytes, maxBytes: row.max_bytes };
}
