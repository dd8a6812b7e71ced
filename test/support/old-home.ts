import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import type { ProjectId } from '../../src/wire/index.ts';
import { envelopeBytes, eventId, PROJECT_ID, type EnvelopeOptions } from './envelopes.ts';

// Databases as versions of the Python command line between March and July 2026 left them (disk contract 3).

const QUEUE = `CREATE TABLE queue (
  id INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT UNIQUE NOT NULL, event_type TEXT NOT NULL,
  data TEXT NOT NULL, timestamp INTEGER NOT NULL, retry_count INTEGER DEFAULT 0`;
const QUEUE_INDEXES =
  'CREATE INDEX idx_timestamp ON queue(timestamp); CREATE INDEX idx_retry ON queue(retry_count);';
const TIMES = { enqueuedAt: 1_780_000_000, createdAt: 1_780_272_357.5 };

export interface OldBody {
  readonly path: string;
  readonly content: string;
  readonly project?: string;
  readonly hash?: string;
  readonly retries?: number;
}

/** A database of one kind, still open. */
export interface OldDatabase {
  readonly file: string;
  readonly db: Database.Database;
  /** Adds a row whose `data` is this text. */
  add(id: string, data: string | Uint8Array): void;
  /** Adds well-formed events of these numbers. */
  addEvents(numbers: Iterable<number>, options?: EnvelopeOptions): void;
  addBody(body: OldBody): void;
  addFailure(path: string, reason: string): void;
  close(): void;
}

/** Makes a queue: of March without `coalesce_key` and with the older names of columns, or of later. */
export function oldQueue(
  file: string,
  options: { readonly vintage?: 'march' | 'may'; readonly wal?: boolean } = {},
): OldDatabase {
  mkdirSync(path.dirname(file), { recursive: true });
  const db = new Database(file);
  const isMarch = options.vintage === 'march';
  if (options.wal === true) db.pragma('journal_mode = WAL');
  const [slug, type] = isMarch ? ['feature_slug', 'mission_key'] : ['mission_slug', 'mission_type'];
  db.exec(`${QUEUE}${isMarch ? '' : ', coalesce_key TEXT'}); ${QUEUE_INDEXES}`);
  const key = `project_uuid TEXT NOT NULL, ${slug} TEXT NOT NULL, target_branch TEXT NOT NULL,
    ${type} TEXT NOT NULL, manifest_version TEXT NOT NULL, artifact_path TEXT NOT NULL, content_hash TEXT NOT NULL,
    hash_algorithm TEXT NOT NULL DEFAULT 'sha256'`;
  db.exec(`CREATE TABLE body_upload_queue (id INTEGER PRIMARY KEY AUTOINCREMENT, ${key},
    content_body TEXT NOT NULL, size_bytes INTEGER NOT NULL, retry_count INTEGER NOT NULL DEFAULT 0,
    next_attempt_at REAL NOT NULL DEFAULT 0.0, created_at REAL NOT NULL, last_error TEXT)`);
  if (!isMarch) {
    db.exec(`CREATE TABLE body_upload_failure_log (id INTEGER PRIMARY KEY AUTOINCREMENT, ${key},
      size_bytes INTEGER NOT NULL, failure_reason TEXT NOT NULL, failure_count INTEGER NOT NULL DEFAULT 1,
      first_failed_at REAL NOT NULL, last_failed_at REAL NOT NULL)`);
  }
  const insert = db.prepare(
    'INSERT INTO queue (event_id, event_type, data, timestamp) VALUES (?, ?, ?, ?)',
  );
  const keys = `project_uuid, ${slug}, target_branch, ${type}, manifest_version, artifact_path, content_hash`;
  const add = (id: string, data: string | Uint8Array): void => {
    insert.run(id, 'WPStatusChanged', data, TIMES.enqueuedAt);
  };
  return {
    file,
    db,
    add,
    addEvents: (numbers, made = {}) => {
      db.transaction(() => {
        for (const n of numbers) add(made.id ?? eventId(n), asPython(envelopeBytes(n, made)));
      })();
    },
    addBody: ({ path: at, content, project = PROJECT_ID, hash, retries = 0 }) => {
      const sha256 = hash ?? createHash('sha256').update(content).digest('hex');
      db.prepare(
        `INSERT INTO body_upload_queue (${keys}, content_body, size_bytes, retry_count, next_attempt_at, created_at)
         VALUES (?, '001-demo', 'main', 'software-dev', '1', ?, ?, ?, ?, ?, 1780272429.25, ?)`,
      ).run(project, at, sha256, content, content.length, retries, TIMES.createdAt);
    },
    addFailure: (at, reason) => {
      db.prepare(
        `INSERT INTO body_upload_failure_log (${keys}, size_bytes, failure_reason, first_failed_at, last_failed_at)
         VALUES (?, '001-demo', 'main', 'software-dev', '1', ?, ?, 3, ?, 1780272441.0, 1780272441.0)`,
      ).run(PROJECT_ID, at, 'ab'.repeat(32), reason);
    },
    close: () => {
      db.close();
    },
  };
}

/** `json.dumps` puts a space behind each comma and colon. */
export function asPython(bytes: Uint8Array): string {
  const value: unknown = JSON.parse(Buffer.from(bytes).toString());
  return spaced(value);
}

function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(
    ([key, each]) => `${JSON.stringify(key)}: ${spaced(each)}`,
  );
  return `{${members.join(', ')}}`;
}

/** A journal of June 2026: keys sorted, in WAL mode. */
export function oldJournal(
  file: string,
  numbers: Iterable<number>,
  projectId: ProjectId = PROJECT_ID,
): void {
  mkdirSync(path.dirname(file), { recursive: true });
  const db = new Database(file);
  db.pragma('journal_mode = WAL');
  db.exec(`CREATE TABLE event_journal (event_id TEXT PRIMARY KEY, event_type TEXT NOT NULL,
    payload BLOB NOT NULL, occurred_at TEXT NOT NULL, created_at TEXT NOT NULL, coalesce_key TEXT,
    archived_at TEXT, drain_blocked_reason TEXT)`);
  const insert = db.prepare(
    "INSERT INTO event_journal VALUES (?, 'WPStatusChanged', ?, ?, ?, NULL, NULL, NULL)",
  );
  const at = '2026-06-14T09:26:53.120000+00:00';
  for (const n of numbers) {
    const fields = JSON.parse(Buffer.from(envelopeBytes(n, { projectId })).toString()) as Record<
      string,
      unknown
    >;
    const sorted = Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)));
    insert.run(eventId(n), Buffer.from(spaced(sorted)), at, at);
  }
  db.close();
}

export interface OldTarget {
  readonly id: string;
  readonly url: string;
  readonly team: string;
  readonly user: string;
}

/** The ledger and targets of June 2026: what was delivered where, by number and status. */
export function oldLedger(
  directory: string,
  targets: readonly OldTarget[],
  rows: readonly (readonly [n: number, target: string, status: string])[],
): void {
  mkdirSync(directory, { recursive: true });
  const list = new Database(path.join(directory, 'targets.db'));
  list.exec(`CREATE TABLE delivery_targets (target_id TEXT PRIMARY KEY, canonical_url TEXT NOT NULL,
    url_hash TEXT NOT NULL, team_slug TEXT NOT NULL, user_email TEXT NOT NULL, server_instance_id TEXT,
    deployment_id TEXT, environment_name TEXT, git_sha TEXT, first_seen_at TEXT NOT NULL,
    last_seen_at TEXT NOT NULL, UNIQUE(url_hash, team_slug, user_email))`);
  const at = '2026-06-14T09:26:53.120000+00:00';
  for (const { id, url, team, user } of targets) {
    const hash = createHash('sha256').update(url).digest('hex');
    list
      .prepare('INSERT INTO delivery_targets VALUES (?, ?, ?, ?, ?, NULL, NULL, NULL, NULL, ?, ?)')
      .run(id, url, hash, team, user, at, at);
  }
  list.close();
  const ledger = new Database(path.join(directory, 'ledger.db'));
  ledger.exec(`CREATE TABLE delivery_ledger (event_id TEXT NOT NULL, target_id TEXT NOT NULL,
    status TEXT NOT NULL, attempt_count INTEGER NOT NULL DEFAULT 0, first_attempted_at TEXT,
    last_attempted_at TEXT, accepted_at TEXT, completed_at TEXT, server_drain_state TEXT,
    last_http_status INTEGER, last_error TEXT, last_response_json TEXT, PRIMARY KEY(event_id, target_id))`);
  for (const [n, target, status] of rows) {
    ledger
      .prepare(
        'INSERT INTO delivery_ledger (event_id, target_id, status, completed_at) VALUES (?, ?, ?, ?)',
      )
      .run(eventId(n), target, status, at);
  }
  ledger.close();
}

/** Every file below a directory with its size, time and hash: equal means that nothing was written there. */
export function photograph(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const file = path.join(entry.parentPath, entry.name);
      const { size, mtimeMs, mode } = statSync(file);
      const hash = createHash('sha256').update(readFileSync(file)).digest('hex');
      return `${path.relative(directory, file)} ${size} ${mtimeMs} ${mode} ${hash}`;
    })
    .sort();
}
