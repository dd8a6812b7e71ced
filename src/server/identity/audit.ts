import { type Millis, printable, sha256Hex } from '../../base/index.ts';
import type { Driver, Sql } from '../store/driver.ts';
import type { TeamScope } from '../store/team-scope.ts';

export const AUDIT_ACTIONS = [
  'access.refused',
  'audit.exported',
  'device.approved',
  'device.denied',
  'event.erased',
  'events.erased',
  'events.exported',
  'key.rotated',
  'login.failed',
  'login.limited',
  'login.succeeded',
  'member.removed',
  'member.set',
  'password.set',
  'project.erased',
  'quota.set',
  'refresh.reused',
  'session.ended',
  'store.restored',
  'team.created',
  'token.created',
  'token.revoked',
  'resource.mapped',
  'user.created',
  'user.disabled',
  'user.enabled',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** What is to be remembered of one act. */
export interface Act {
  readonly at: Millis;
  readonly teamId: string | null;
  /** Who did it: an email, `token:ID`, `operator` for who holds the database, or an address. */
  readonly actor: string;
  readonly action: AuditAction;
  readonly subject: string;
}

export interface AuditEntry extends Act {
  readonly entry: number;
}

const MAX_SUBJECT_BYTES = 300;
const BEGINNING = '0'.repeat(64);

const LAST = 'SELECT hash FROM audit ORDER BY entry DESC LIMIT 1';
const APPEND = `
  INSERT INTO audit (at, team_id, actor, action, subject, previous, hash)
  VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (previous) DO NOTHING RETURNING entry`;

/** Adds an act to the end of the chain. Two at one time cannot both be the next: the later one looks again. */
export async function remember(sql: Sql, act: Act): Promise<void> {
  const kept = { ...act, subject: printable(act.subject, MAX_SUBJECT_BYTES) };
  for (;;) {
    const [last] = await sql.all<{ readonly hash: string }>(LAST);
    const previous = last?.hash ?? BEGINNING;
    const { at, teamId, actor, action, subject } = kept;
    const row = [at, teamId, actor, action, subject, previous, linkOf(previous, kept)];
    if ((await sql.all(APPEND, row)).length > 0) return;
  }
}

const LATELY = `
  SELECT 1 AS one FROM audit WHERE actor = $1 AND action = $2 AND subject = $3 AND at > $4 LIMIT 1`;

/** The same, at most once in `everyMs` for one actor and subject: nobody fills the disk by being refused. */
export async function rememberSeldom(driver: Driver, act: Act, everyMs: Millis): Promise<void> {
  const { at, actor, action } = act;
  const subject = printable(act.subject, MAX_SUBJECT_BYTES);
  const lately = await driver.all(LATELY, [actor, action, subject, at - everyMs]);
  if (lately.length === 0) await remember(driver, act);
}

function linkOf(previous: string, { at, teamId, actor, action, subject }: Act): string {
  return sha256Hex(JSON.stringify([previous, at, teamId, actor, action, subject]));
}

const PAGE = `
  SELECT entry, at, team_id, actor, action, subject, previous, hash FROM audit
  WHERE entry > $1 ORDER BY entry LIMIT $2`;
const LATEST = `
  SELECT entry, at, team_id, actor, action, subject, previous, hash FROM audit ORDER BY entry DESC LIMIT $1`;
const PAGE_ROWS = 1_000;

/** The last entries, newest first. */
export async function latestActs(sql: Sql, limit: number): Promise<readonly AuditEntry[]> {
  return (await sql.all<AuditRow>(LATEST, [limit])).map(toEntry);
}

const OF_TEAM = `
  SELECT entry, at, team_id, actor, action, subject, previous, hash FROM audit
  WHERE team_id = $1 AND entry < $2`;
const NEWEST = 'ORDER BY entry DESC LIMIT $3';
const BY_ACTION = `${OF_TEAM} AND action = $4 ${NEWEST}`;
const BY_WHO = `${OF_TEAM} AND actor = $4 ${NEWEST}`;
const BY_BOTH = `${OF_TEAM} AND actor = $4 AND action = $5 ${NEWEST}`;
const BY_NONE = `${OF_TEAM} ${NEWEST}`;

/** An entry with what makes it one of a chain. */
export interface LinkedEntry extends AuditEntry {
  readonly previous: string;
  readonly hash: string;
}

/** Which acts of a team: what was done, by whom, before which entry; all with nulls. */
export interface ActFilter {
  readonly action: AuditAction | null;
  readonly actor: string | null;
  readonly before: number | null;
}

/** So many acts of a team, newest first. Acts that concern no team, logins and accounts, are nobody's but the operator's. */
export async function actsOfTeam(
  sql: Sql,
  team: TeamScope,
  { action, actor, before }: ActFilter,
  limit: number,
): Promise<readonly LinkedEntry[]> {
  const [withActor, withoutActor] = action === null ? [BY_WHO, BY_NONE] : [BY_BOTH, BY_ACTION];
  const range = [team, before ?? Number.MAX_SAFE_INTEGER, limit];
  const wanted = [actor, action].filter((each) => each !== null);
  const rows = await sql.all<AuditRow>(actor === null ? withoutActor : withActor, [
    ...range,
    ...wanted,
  ]);
  return rows.map((row) => ({ ...toEntry(row), previous: row.previous, hash: row.hash }));
}

/** What looking at the end of the chain found. */
export interface ChainEnd {
  /** The oldest and the newest entry that was looked at; null for an empty audit. */
  readonly range: readonly [oldest: number, newest: number] | null;
  /** Whether the range goes back to the very first entry. */
  readonly isWhole: boolean;
  /** The oldest entry of the range that does not follow from the one before. */
  readonly brokenAt: number | null;
}

/** Checks the last entries of the chain, of all teams: each follows from the one before, the first from nothing. */
export async function checkChainEnd(sql: Sql, limit: number): Promise<ChainEnd> {
  const found = (await sql.all<AuditRow>(LATEST, [limit + 1])).toReversed();
  const isWhole = found.length <= limit;
  const rows = isWhole ? found : found.slice(1);
  const [first, last] = [rows[0], rows.at(-1)];
  if (first === undefined || last === undefined)
    return { range: null, isWhole: true, brokenAt: null };
  let previous = isWhole ? BEGINNING : found[0]?.hash;
  const broken = rows.find((row) => {
    const follows = row.previous === previous && row.hash === linkOf(row.previous, toEntry(row));
    previous = row.hash;
    return !follows;
  });
  return { range: [first.entry, last.entry], isWhole, brokenAt: broken?.entry ?? null };
}

/** Reads the whole chain. @returns the first entry that does not follow from the one before; null when all do. */
export async function brokenEntry(sql: Sql): Promise<number | null> {
  let previous = BEGINNING;
  let after = 0;
  for (;;) {
    const rows = await sql.all<AuditRow>(PAGE, [after, PAGE_ROWS]);
    for (const row of rows) {
      const entry = toEntry(row);
      if (row.previous !== previous || row.hash !== linkOf(previous, entry)) return entry.entry;
      previous = row.hash;
      after = entry.entry;
    }
    if (rows.length < PAGE_ROWS) return null;
  }
}

interface AuditRow {
  readonly entry: number;
  readonly at: number;
  readonly team_id: string | null;
  readonly actor: string;
  readonly action: AuditAction;
  readonly subject: string;
  readonly previous: string;
  readonly hash: string;
}

function toEntry(row: AuditRow): AuditEntry {
  return {
    entry: row.entry,
    at: row.at,
    teamId: row.team_id,
    actor: row.actor,
    action: row.action,
    subject: row.subject,
  };
}
