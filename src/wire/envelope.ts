import { failed, type Millis, ok, type Result, sha256Hex } from '../base/index.ts';
import {
  type Reading,
  readCausation,
  readEventId,
  readLamport,
  readName,
  readOptional,
  readPayload,
  readProject,
  readText,
  readTimestamp,
} from './envelope-fields.ts';
import type { EventId, ProjectId } from './ids.ts';
import type { Issue } from './json/issue.ts';
import { asObject, type JsonObject, parseJson } from './json/reader.ts';
import { trimSpace } from './json/tokens.ts';
import {
  MAX_DEPTH,
  MAX_EVENT_BYTES,
  MAX_ID_CHARS,
  MAX_KEYS,
  MAX_TEXT_CHARS,
  MAX_TYPE_CHARS,
} from './limits.ts';

/** The fifteen fields of the batch contract in the order in which our emitter writes them (wire contract 4.1). */
export const ENVELOPE_KEYS = [
  'event_id',
  'event_type',
  'aggregate_id',
  'aggregate_type',
  'payload',
  'node_id',
  'lamport_clock',
  'causation_id',
  'timestamp',
  'team_slug',
  'project_uuid',
  'project_slug',
  'git_branch',
  'head_commit_sha',
  'repo_slug',
] as const;

export type EnvelopeKey = (typeof ENVELOPE_KEYS)[number];

/** One event as it travels, read. Further members that a producer added stand in the bytes only. */
export interface Envelope {
  readonly eventId: EventId;
  readonly eventType: string;
  readonly aggregateId: string;
  readonly aggregateType: string;
  readonly payload: JsonObject;
  readonly nodeId: string;
  readonly lamportClock: number;
  readonly causationId: string | null;
  /** When it happened, as the producer wrote it. */
  readonly timestamp: string;
  /** The same instant in milliseconds. */
  readonly occurredAt: Millis;
  readonly teamSlug: string | null;
  readonly projectUuid: ProjectId | null;
  readonly projectSlug: string | null;
  readonly gitBranch: string | null;
  readonly headCommitSha: string | null;
  readonly repoSlug: string | null;
}

/** An envelope together with the bytes that alone are stored and sent. */
export interface ParsedEnvelope {
  readonly envelope: Envelope;
  /** Exactly as they came, white space around the object removed; a view of the input, not a copy. */
  readonly bytes: Uint8Array;
  /** Lower-case hexadecimal SHA-256 of `bytes`. */
  readonly sha256: string;
}

/** What an envelope is written from. */
export interface EnvelopeParts extends Omit<Envelope, 'payload' | 'occurredAt'> {
  /** A JSON object as bytes, spliced in as it is. */
  readonly payload: Uint8Array;
}

/**
 * Reads and judges one event. Only the envelope: the payload must be an object, what it says is for the catalogue.
 * Extra members are kept; the six optional ones may be absent, which reads as null. Answers every issue found.
 * Never throws. Capture and receiver both call this, so what was captured is accepted.
 */
export function parseEnvelope(bytes: Uint8Array): Result<ParsedEnvelope, readonly Issue[]> {
  const event = trimSpace(bytes);
  const parsed = parseJson(event, { maxBytes: MAX_EVENT_BYTES });
  if (!parsed.ok) return failed([parsed.error]);
  const fields = asObject(parsed.value);
  if (fields === null) {
    return failed([{ pointer: '', rule: 'wrong-type', message: 'an event must be a JSON object' }]);
  }
  const read = readFields(fields);
  if (!read.ok) return read;
  return ok({ envelope: read.value, bytes: event, sha256: sha256Hex(event) });
}

function readFields(fields: JsonObject): Result<Envelope, readonly Issue[]> {
  const reading: Reading = { fields, issues: [] };
  const eventId = readEventId(reading);
  const eventType = readName(reading, 'event_type', MAX_TYPE_CHARS);
  const aggregateId = readText(reading, 'aggregate_id', MAX_TEXT_CHARS);
  const aggregateType = readName(reading, 'aggregate_type', MAX_TYPE_CHARS);
  const payload = readPayload(reading);
  const nodeId = readName(reading, 'node_id', MAX_ID_CHARS);
  const lamportClock = readLamport(reading);
  const causationId = readCausation(reading);
  const { text: timestamp, at: occurredAt } = readTimestamp(reading);
  const teamSlug = readOptional(reading, 'team_slug');
  const projectUuid = readProject(reading);
  const projectSlug = readOptional(reading, 'project_slug');
  const gitBranch = readOptional(reading, 'git_branch');
  const headCommitSha = readOptional(reading, 'head_commit_sha');
  const repoSlug = readOptional(reading, 'repo_slug');
  if (eventId === null || payload === null || occurredAt === null || reading.issues.length > 0) {
    return failed(reading.issues);
  }
  return ok({
    eventId,
    eventType,
    aggregateId,
    aggregateType,
    payload,
    nodeId,
    lamportClock,
    causationId,
    timestamp,
    occurredAt,
    teamSlug,
    projectUuid,
    projectSlug,
    gitBranch,
    headCommitSha,
    repoSlug,
  });
}

/**
 * Writes an event of our own whose payload is at hand as an object, and judges it as `parseEnvelope` would judge the
 * bytes, without reading them back: the same readers look at the same fields. What only a reader of text can
 * judge (half a surrogate pair, very many keys, great depth, great size) is left to it.
 */
export function composeEnvelope(
  parts: Omit<EnvelopeParts, 'payload'>,
  payload: JsonObject,
): Result<ParsedEnvelope, readonly Issue[]> {
  const fields: JsonObject & Record<EnvelopeKey, unknown> = {
    event_id: parts.eventId,
    event_type: parts.eventType,
    aggregate_id: parts.aggregateId,
    aggregate_type: parts.aggregateType,
    payload,
    node_id: parts.nodeId,
    lamport_clock: parts.lamportClock,
    causation_id: parts.causationId,
    timestamp: parts.timestamp,
    team_slug: parts.teamSlug,
    project_uuid: parts.projectUuid,
    project_slug: parts.projectSlug,
    git_branch: parts.gitBranch,
    head_commit_sha: parts.headCommitSha,
    repo_slug: parts.repoSlug,
  };
  const text = JSON.stringify(fields);
  const bytes = Buffer.from(text);
  if (!isPlain(text)) return parseEnvelope(bytes);
  const read = readFields(fields);
  if (!read.ok) return read;
  return ok({ envelope: read.value, bytes, sha256: sha256Hex(bytes) });
}

/** Whether a written text is within every limit of the reader for a reason that can be seen at a glance. */
function isPlain(text: string): boolean {
  // Fewer characters than keys are allowed, fewer brackets than levels, nothing that had to be escaped by its number.
  const brackets = text.split('{').length + text.split('[').length - 2;
  return text.length < MAX_KEYS && brackets < MAX_DEPTH && !text.includes('\\u');
}

/**
 * Writes an event: exactly the fifteen fields, in contract order, compact, non-ASCII as it is, the payload's bytes
 * spliced in (white space around them left out). What it writes from valid parts, `parseEnvelope` accepts.
 */
export function encodeEnvelope(parts: EnvelopeParts): Buffer {
  const head = {
    event_id: parts.eventId,
    event_type: parts.eventType,
    aggregate_id: parts.aggregateId,
    aggregate_type: parts.aggregateType,
  };
  const tail = {
    node_id: parts.nodeId,
    lamport_clock: parts.lamportClock,
    causation_id: parts.causationId,
    timestamp: parts.timestamp,
    team_slug: parts.teamSlug,
    project_uuid: parts.projectUuid,
    project_slug: parts.projectSlug,
    git_branch: parts.gitBranch,
    head_commit_sha: parts.headCommitSha,
    repo_slug: parts.repoSlug,
  };
  // The payload stands between two halves that are written as objects of their own and opened at the seam.
  const before = `${JSON.stringify(head).slice(0, -1)},"payload":`;
  const after = `,${JSON.stringify(tail).slice(1)}`;
  return Buffer.concat([Buffer.from(before), trimSpace(parts.payload), Buffer.from(after)]);
}
