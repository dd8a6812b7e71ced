import path from 'node:path';
import { openDb, pythonLower, pythonStrip, sha256Hex, type Db } from '../base/index.ts';
import type { Home } from '../home/index.ts';
import { asArray, asObject, asText, member, parseJson, type JsonObject } from '../wire/index.ts';
import type { Account, Credentials } from './credentials.ts';
import { addBinding, keepCheckpoint, keepIssue, keepMapping } from './store.ts';

const SCOPE_DIGITS = 16;

/**
 * The name under which the earlier program kept a tracker's data (disk contract 8): account, server, user and team,
 * each without blanks around it and in lower case.
 */
export function trackerScope({ provider, workspace }: Account, credentials: Credentials): string {
  const parts = [
    provider,
    workspace,
    credentials['server_url'] ?? credentials['base_url'] ?? 'local',
    credentials['username'] ?? credentials['email'] ?? 'anonymous',
    credentials['team_slug'] ?? 'no-team',
  ];
  const normal = parts.map((part) => pythonLower(pythonStrip(part)));
  return sha256Hex(normal.join('|')).slice(0, SCOPE_DIGITS);
}

/**
 * Writes a binding down that this store does not know yet, and takes in what the earlier program had pulled and
 * mapped under it: issues whole, mappings, and since when. Its database is read and never written.
 * @returns the binding's number and the database that was read, null where there was none.
 * @throws UserError `store_unreadable` for a database of that name that cannot be read.
 */
export function takeOver(
  home: Home,
  db: Db,
  account: Account,
  credentials: Credentials,
): { readonly bindingId: number; readonly takenFrom: string | null } {
  const scope = trackerScope(account, credentials);
  const file = path.join(home.paths.root, 'trackers', `${scope}.db`);
  const { files, clock } = home.system;
  const takenFrom = files.stat(file)?.kind === 'file' ? file : null;
  const source = takenFrom === null ? null : openDb(file, { clock, readonly: true });
  try {
    return db.tx(() => {
      const bindingId = addBinding(db, { ...account, takenFrom, now: clock.now() });
      if (source !== null) copyAll(source, db, { account, bindingId, now: clock.now() });
      return { bindingId, takenFrom };
    });
  } finally {
    source?.close();
  }
}

interface Copying {
  readonly account: Account;
  readonly bindingId: number;
  readonly now: number;
}

const TABLE = "SELECT 1 AS found FROM sqlite_schema WHERE type = 'table' AND name = :name";
const ISSUES = `
  SELECT issue_id, CAST(payload AS TEXT) AS payload FROM tracker_issues WHERE system = :provider
  ORDER BY identity`;
const MAPPINGS = `
  SELECT wp_id, system, external_id, external_key, external_url, created_at, updated_at
  FROM tracker_mappings ORDER BY wp_id, system`;
const CHECKPOINT = `
  SELECT updated_since FROM tracker_checkpoints WHERE checkpoint_key = :key`;

function copyAll(source: Db, db: Db, copying: Copying): void {
  const has = (name: string): boolean => source.get(TABLE, { name }) !== undefined;
  if (has('tracker_issues')) copyIssues(source, db, copying);
  if (has('tracker_mappings')) copyMappings(source, db, copying);
  if (has('tracker_checkpoints')) copyCheckpoint(source, db, copying);
}

function copyIssues(source: Db, db: Db, { account, bindingId, now }: Copying): void {
  const { provider } = account;
  for (const row of source.each<{ issue_id: string; payload: string }>(ISSUES, { provider })) {
    const parsed = parseJson(Buffer.from(row.payload));
    const issue = parsed.ok ? asObject(parsed.value) : null;
    if (issue === null || row.issue_id === '') continue;
    const ref = asObject(member(issue, 'ref'));
    keepIssue(
      db,
      bindingId,
      {
        id: row.issue_id,
        key: ref === null ? null : asText(member(ref, 'key')),
        shown: JSON.stringify(shownOf(issue)),
        raw: row.payload,
        updatedAt: asText(member(issue, 'updated_at')),
      },
      now,
    );
  }
}

/** What a snapshot shows of an issue that the earlier program kept. */
function shownOf(issue: JsonObject): JsonObject {
  return {
    ref: member(issue, 'ref') ?? null,
    title: member(issue, 'title') ?? 'Untitled',
    body: member(issue, 'body') ?? null,
    status: member(issue, 'status') ?? 'todo',
    issue_type: member(issue, 'issue_type') ?? 'task',
    priority: member(issue, 'priority') ?? null,
    assignees: asArray(member(issue, 'assignees')) ?? [],
    labels: asArray(member(issue, 'labels')) ?? [],
    updated_at: member(issue, 'updated_at') ?? null,
  };
}

interface MappingRow {
  readonly wp_id: string;
  readonly system: string;
  readonly external_id: string;
  readonly external_key: string | null;
  readonly external_url: string | null;
  readonly created_at: string;
  readonly updated_at: string;
}

function copyMappings(source: Db, db: Db, { bindingId }: Copying): void {
  for (const row of source.each<MappingRow>(MAPPINGS)) {
    keepMapping(db, bindingId, {
      wpId: row.wp_id,
      system: row.system,
      externalId: row.external_id,
      externalKey: row.external_key,
      externalUrl: row.external_url,
      createdAt: row.created_at,
      updatedAt: row.updated_at,
    });
  }
}

/** A cursor of the earlier program means nothing to ours; a time does. */
function copyCheckpoint(source: Db, db: Db, { account, bindingId }: Copying): void {
  const key = `${account.provider}:${account.workspace}`;
  const row = source.get<{ updated_since: string | null }>(CHECKPOINT, { key });
  if (row === undefined) return;
  keepCheckpoint(db, bindingId, { cursor: null, updatedSince: row.updated_since, newest: null });
}
