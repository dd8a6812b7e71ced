import { sha256Hex, type Millis } from '../base/index.ts';
import { MAX_BODY_BYTES, parseNamespace, type NamespaceRef } from '../bodies/index.ts';
import {
  asObject,
  asText,
  member,
  parseEnvelope,
  parseJson,
  parseProjectId,
  withoutRepeatedKeys,
  type Issue,
  type ParsedEnvelope,
  type ProjectId,
} from '../wire/index.ts';
import {
  whileReadable,
  type BodyRow,
  type Contents,
  type EventRow,
  type FailureRow,
} from './reading.ts';

/** The parts of a source, in the order in which they are read. */
export type Part = 'event' | 'body' | 'failure';

/** A row of a source, judged: where it belongs and what it is. */
export type Judged = {
  readonly part: Part;
  readonly rowId: number;
  /** Of the row as it reads now: a later state of it has another hash. */
  readonly sha256: string;
  readonly enqueuedAt: Millis;
  /** The project that the row names; null when it names none. */
  readonly projectId: ProjectId | null;
} & (
  | { readonly kind: 'event'; readonly event: ParsedEnvelope; readonly data: Uint8Array }
  | { readonly kind: 'body'; readonly namespace: NamespaceRef; readonly body: BodyRow }
  | { readonly kind: 'failure'; readonly failure: FailureRow }
  | Unreadable
);

/** A row that is nothing of ours: kept word for word with the reason. */
interface Unreadable {
  readonly kind: 'unreadable';
  readonly reason: string;
  readonly content: Uint8Array;
}

/**
 * Every row of a source, judged: events first, because bodies wait for theirs. Where SQLite stops reading a table,
 * `stopped` is told why and the next table follows.
 */
export function* judgedRows(
  contents: Contents,
  stopped: (reason: string) => void,
): Generator<Judged> {
  for (const row of whileReadable(contents.events(), stopped)) yield judgeEvent(row);
  for (const row of whileReadable(contents.bodies(), stopped)) yield judgeBody(row);
  for (const row of whileReadable(contents.failures(), stopped)) yield judgeFailure(row);
}

/**
 * Judges the data of an event row by the rules of capture, so that whatever is imported can be delivered. A repeated key
 * is read as the earlier program read it: the last one counts.
 */
export function judgeEvent({ data, rowId, enqueuedAt }: EventRow): Judged {
  const read = readEnvelope(data);
  if (typeof read === 'string') {
    const row = { part: 'event', rowId, enqueuedAt, sha256: sha256Hex(data) } as const;
    return { ...row, projectId: namedIn(data), kind: 'unreadable', reason: read, content: data };
  }
  // Hashing is a third of the work, and mostly done already.
  const sha256 = read.bytes.length === data.length ? read.sha256 : sha256Hex(data);
  const projectId = read.envelope.projectUuid;
  return { part: 'event', rowId, sha256, enqueuedAt, projectId, kind: 'event', event: read, data };
}

/** Judges a body row: a complete namespace, a text within the limit, and the hash it is known by. */
export function judgeBody(body: BodyRow): Judged {
  const { rowId, createdAt: enqueuedAt } = body;
  const projectId = parseProjectId(body.projectUuid);
  const row = { part: 'body', rowId, enqueuedAt, projectId, sha256: hashOfKey(body) } as const;
  const namespace = parseNamespace({ ...body, projectUuid: projectId });
  const reason = namespace.ok ? refusedBecause(body) : namespace.error.message;
  if (!namespace.ok || reason !== null) return { ...row, ...unreadable(body, reason ?? '') };
  return { ...row, kind: 'body', namespace: namespace.value, body };
}

/** The hash that a failure is known by changes with every further failure. */
function judgeFailure(failure: FailureRow): Judged {
  const { rowId, lastFailedAt: enqueuedAt, reason, failures } = failure;
  const projectId = parseProjectId(failure.projectUuid);
  const sha256 = sha256Hex(`${hashOfKey(failure)} ${failures} ${enqueuedAt} ${reason}`);
  const row = { part: 'failure', rowId, enqueuedAt, projectId, sha256 } as const;
  if (projectId === null) return { ...row, ...unreadable(failure, 'project_uuid is no UUID') };
  return { ...row, kind: 'failure', failure };
}

function readEnvelope(data: Uint8Array): ParsedEnvelope | string {
  const first = parseEnvelope(data);
  if (first.ok) return first.value;
  if (first.error.some(({ rule }) => rule === 'duplicate-key')) {
    const again = parseEnvelope(withoutRepeatedKeys(data));
    if (again.ok) return again.value;
  }
  return said(first.error);
}

function said(issues: readonly Issue[]): string {
  return issues.map(({ pointer, message }) => `${pointer || '/'}: ${message}`).join('; ');
}

function namedIn(data: Uint8Array): ProjectId | null {
  const parsed = parseJson(data);
  const fields = parsed.ok ? asObject(parsed.value) : null;
  const text = fields === null ? null : asText(member(fields, 'project_uuid'));
  return text === null ? null : parseProjectId(text);
}

function refusedBecause({ artifactPath, algorithm, content, contentHash }: BodyRow): string | null {
  if (artifactPath === '') return 'artifact_path is empty';
  if (algorithm !== 'sha256') return `hashes by ${algorithm} are unknown here`;
  if (content.length === 0) return 'the text is empty';
  if (content.length > MAX_BODY_BYTES) {
    return `${content.length} bytes, at most ${MAX_BODY_BYTES} are uploaded`;
  }
  return sha256Hex(content) === contentHash ? null : 'content_hash is of another text';
}

/** How often a body was tried says nothing about what it is. */
function hashOfKey(row: BodyRow | FailureRow): string {
  const { projectUuid, missionSlug, targetBranch, missionType, manifestVersion } = row;
  const namespace = [projectUuid, missionSlug, targetBranch, missionType, manifestVersion];
  return sha256Hex(JSON.stringify([...namespace, row.artifactPath, row.contentHash]));
}

function unreadable(row: BodyRow | FailureRow, reason: string): Unreadable {
  const quoted = 'content' in row ? { ...row, content: Buffer.from(row.content).toString() } : row;
  return { kind: 'unreadable', reason, content: Buffer.from(JSON.stringify(quoted)) };
}
