import { messageOf, sqliteCode, UserError, type Db, type Millis } from '../base/index.ts';
import { parseTimestamp } from '../wire/index.ts';

/** An event as a source holds it. */
export interface EventRow {
  readonly rowId: number;
  readonly data: Uint8Array;
  readonly enqueuedAt: Millis;
}

/** Columns of both generations under one name each; texts as they are. */
export interface BodyRow {
  readonly rowId: number;
  readonly projectUuid: string;
  readonly missionSlug: string;
  readonly targetBranch: string;
  readonly missionType: string;
  readonly manifestVersion: string;
  readonly artifactPath: string;
  readonly contentHash: string;
  readonly algorithm: string;
  readonly content: Uint8Array;
  readonly retryCount: number;
  readonly dueAt: Millis;
  readonly createdAt: Millis;
}

/** An upload that the earlier program gave up on. */
export interface FailureRow
  extends Omit<BodyRow, 'content' | 'retryCount' | 'dueAt' | 'createdAt'> {
  readonly reason: string;
  readonly failures: number;
  readonly firstFailedAt: Millis;
  readonly lastFailedAt: Millis;
}

/** What a source turned out to hold, and a generator for each of its tables. */
export interface Contents {
  readonly events: () => Iterable<EventRow>;
  readonly bodies: () => Iterable<BodyRow>;
  readonly failures: () => Iterable<FailureRow>;
}

const NAMES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
const COLUMNS = 'SELECT name FROM pragma_table_info(:table)';

/**
 * Looks at the tables of a source (disk contract 3), whatever their vintage. No table at all is an empty source.
 * @throws UserError `store_unreadable` when its tables are another program's.
 */
export function contentsOf(db: Db): Contents {
  const names = new Set(db.all<{ name: string }>(NAMES).map(({ name }) => name));
  const known = ['queue', 'event_journal', 'body_upload_queue', 'body_upload_failure_log'];
  if (names.size > 0 && !known.some((name) => names.has(name))) throw foreign(`no table is ours`);
  const has = (table: string, columns: readonly string[]): boolean => {
    if (!names.has(table)) return false;
    requireColumns(db, table, columns);
    return true;
  };
  const hasQueue = has('queue', ['event_id', 'data', 'timestamp']);
  const hasJournal = has('event_journal', ['event_id', 'payload', 'created_at']);
  const hasBodies = has('body_upload_queue', ['project_uuid', 'content_body', 'content_hash']);
  const hasFailures = has('body_upload_failure_log', ['project_uuid', 'failure_reason']);
  return {
    *events() {
      if (hasQueue) yield* db.each<EventRow>(QUEUE);
      if (hasJournal) yield* journalRows(db);
    },
    *bodies() {
      if (hasBodies) yield* db.each<BodyRow>(bodySql(spelling(db, 'body_upload_queue')));
    },
    *failures() {
      if (hasFailures) {
        yield* db.each<FailureRow>(failureSql(spelling(db, 'body_upload_failure_log')));
      }
    },
  };
}

/** Runs through rows and stops at the first that SQLite cannot read; `stopped` is told why. */
export function* whileReadable<T>(
  rows: Iterable<T>,
  stopped: (reason: string) => void,
): Generator<T> {
  const iterator = rows[Symbol.iterator]();
  for (;;) {
    let next: IteratorResult<T>;
    try {
      next = iterator.next();
    } catch (error) {
      if (sqliteCode(error) === '') throw error;
      stopped(messageOf(error));
      return;
    }
    if (next.done === true) return;
    yield next.value;
  }
}

// The order in which the earlier program drained.
const QUEUE = `
  SELECT rowid AS rowId, coalesce(CAST(data AS BLOB), x'') AS data,
    CAST(coalesce(timestamp, 0) * 1000 AS INTEGER) AS enqueuedAt
  FROM queue ORDER BY timestamp, rowid`;
const JOURNAL = `
  SELECT rowid AS rowId, coalesce(CAST(payload AS BLOB), x'') AS data,
    coalesce(CAST(created_at AS TEXT), '') AS createdAt
  FROM event_journal ORDER BY rowid`;

function* journalRows(db: Db): Generator<EventRow> {
  for (const row of db.each<Omit<EventRow, 'enqueuedAt'> & { createdAt: string }>(JOURNAL)) {
    yield { rowId: row.rowId, data: row.data, enqueuedAt: parseTimestamp(row.createdAt) ?? 0 };
  }
}

interface Spelling {
  readonly slug: string;
  readonly type: string;
}

/** The rename of these two columns never reached databases that were there before it (disk contract 3.2). */
function spelling(db: Db, table: string): Spelling {
  const columns = columnsOf(db, table);
  return {
    slug: columns.has('mission_slug') ? 'mission_slug' : 'feature_slug',
    type: columns.has('mission_type') ? 'mission_type' : 'mission_key',
  };
}

function keySql({ slug, type }: Spelling): string {
  return `rowid AS rowId, CAST(project_uuid AS TEXT) AS projectUuid, CAST(${slug} AS TEXT) AS missionSlug,
    CAST(target_branch AS TEXT) AS targetBranch, CAST(${type} AS TEXT) AS missionType,
    CAST(manifest_version AS TEXT) AS manifestVersion, CAST(artifact_path AS TEXT) AS artifactPath,
    CAST(content_hash AS TEXT) AS contentHash, CAST(hash_algorithm AS TEXT) AS algorithm`;
}

function bodySql(spelled: Spelling): string {
  return `
    SELECT ${keySql(spelled)}, coalesce(CAST(content_body AS BLOB), x'') AS content,
      CAST(coalesce(retry_count, 0) AS INTEGER) AS retryCount,
      ${millis('next_attempt_at')} AS dueAt, ${millis('created_at')} AS createdAt
    FROM body_upload_queue ORDER BY created_at, rowid`;
}

function failureSql(spelled: Spelling): string {
  return `
    SELECT ${keySql(spelled)}, CAST(failure_reason AS TEXT) AS reason,
      CAST(coalesce(failure_count, 1) AS INTEGER) AS failures,
      ${millis('first_failed_at')} AS firstFailedAt, ${millis('last_failed_at')} AS lastFailedAt
    FROM body_upload_failure_log ORDER BY rowid`;
}

function millis(column: string): string {
  return `CAST(max(round(coalesce(${column}, 0) * 1000), 0) AS INTEGER)`;
}

function requireColumns(db: Db, table: string, wanted: readonly string[]): void {
  const columns = columnsOf(db, table);
  const missing = wanted.find((column) => !columns.has(column));
  if (missing !== undefined) throw foreign(`table ${table} has no column ${missing}`);
}

function columnsOf(db: Db, table: string): ReadonlySet<string> {
  return new Set(db.all<{ name: string }>(COLUMNS, { table }).map(({ name }) => name));
}

function foreign(why: string): UserError {
  return new UserError('store_unreadable', `it is not a database of the earlier program: ${why}`, {
    remedy: null,
  });
}
