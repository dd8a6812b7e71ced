import { assert, failed, ok, uuidV5, type Result } from '../base/index.ts';
import {
  asObject,
  asText,
  encodeEnvelope,
  ENVELOPE_KEYS,
  MAX_EVENT_BYTES,
  member,
  parseEnvelope,
  parseEventId,
  parseJson,
  parseProjectId,
  type EventId,
  type Issue,
  type JsonObject,
  type ParsedEnvelope,
  type ProjectId,
} from '../wire/index.ts';
import { MAX_STATED_PROJECT_CHARS } from './limits.ts';
import { cutMembers, joinMembers, trim, type Member } from './members.ts';

/** One line of a mission's log as an event. */
export interface Mapped {
  readonly event: ParsedEnvelope;
  /** The project that the line itself names, when that is another one. */
  readonly statedProjectId: string | null;
}

/** A member that is a text with something in it. */
interface Named {
  readonly key: string;
  readonly text: string;
}

/** What kind of line it is: the type and aggregate of its event, and where type, time and payload stand in it. */
interface Shape {
  readonly type: string;
  readonly typeKey: string | null;
  readonly aggregateType: string;
  readonly aggregateId: string;
  readonly time: Named;
  /** True when the line brings a payload of its own; otherwise its members are the payload. */
  readonly ownPayload: boolean;
}

/** Whoever imports a line is not its producer: the node is nobody's, and the same for everybody. */
const NODE_ID = '000000000000';

/** Members that the envelope takes over as they are, each a text or null. */
const TEXTS = [
  'event_id',
  'aggregate_id',
  'aggregate_type',
  'causation_id',
  'at',
  'timestamp',
  'team_slug',
  'project_uuid',
  'project_slug',
  'git_branch',
  'head_commit_sha',
  'repo_slug',
] as const;

const TYPE_KEYS = ['event_type', 'event_name', 'type'] as const;
/** Where a line that names no aggregate says which mission it belongs to, best first. */
const MISSION_KEYS = ['mission_id', 'mission_slug', 'feature_slug', 'mission'] as const;
const NO_MISSION = 'unknown';

const ENVELOPE_FIELDS: ReadonlySet<string> = new Set(ENVELOPE_KEYS);
const COMMA = Buffer.from(',');
const OPEN = Buffer.from('{');
const CLOSE = Buffer.from('}');

/**
 * The event that one line of a log stands for, as a pure function of the line's bytes and the project, so that
 * everybody who imports a repository makes the same bytes. White space around the line says nothing. Total.
 *
 * - `to_lane`: `WPStatusChanged` of the work package `wp_id`.
 * - `event_type` (or `event_name`) beside an object `payload`: that type with that payload; members for which the
 *   envelope has no field follow its fifteen fields.
 * - `type`, or one of those names without a payload: that type.
 * - `kind` with `annotation`: `InnerStateChanged` of the work package `wp_id`, as its writer calls it.
 *
 * Where a line brings no payload, its members are the payload, those apart that became id, time and type.
 */
export function mapLine(line: Uint8Array, project: ProjectId): Result<Mapped, Issue> {
  const bytes = trim(line);
  const parsed = parseJson(bytes, { maxBytes: MAX_EVENT_BYTES });
  if (!parsed.ok) return parsed;
  const object = asObject(parsed.value);
  if (object === null) return refused('', 'not-an-object', 'the line is not a JSON object');
  const wrong = TEXTS.find((key) => !isTextOrNull(object, key));
  if (wrong !== undefined)
    return refused(`/${wrong}`, 'not-a-text', `${wrong} must be a text or null`);
  const shape = shapeOf(object);
  return shape.ok ? mapShape(bytes, object, shape.value, project) : shape;
}

function mapShape(
  bytes: Uint8Array,
  object: JsonObject,
  shape: Shape,
  project: ProjectId,
): Result<Mapped, Issue> {
  const eventId = idOf(bytes, object, project);
  if (eventId === null) {
    return refused('/event_id', 'not-an-id', 'event_id is neither a ULID nor a UUID');
  }
  const lamportClock = lamportOf(object);
  if (lamportClock === null) {
    return refused(
      '/lamport_clock',
      'not-a-clock',
      'the Lamport clock must be a whole number, zero or more',
    );
  }
  const members = cutMembers(bytes);
  const envelope = encodeEnvelope({
    eventId,
    eventType: shape.type,
    aggregateId: shape.aggregateId,
    aggregateType: shape.aggregateType,
    payload: payloadOf(bytes, members, shape),
    nodeId: NODE_ID,
    lamportClock,
    causationId: textOf(object, 'causation_id'),
    timestamp: shape.time.text,
    teamSlug: textOf(object, 'team_slug'),
    projectUuid: project,
    projectSlug: textOf(object, 'project_slug'),
    gitBranch: textOf(object, 'git_branch'),
    headCommitSha: textOf(object, 'head_commit_sha'),
    repoSlug: textOf(object, 'repo_slug'),
  });
  const event = parseEnvelope(withExtras(envelope, bytes, members, shape));
  if (event.ok) return ok({ event: event.value, statedProjectId: statedProject(object, project) });
  const [issue] = event.error;
  assert(issue !== undefined, 'a refused envelope has an issue');
  // The line may spell the time `at`; whoever reads the reason looks at the line.
  return failed(
    issue.pointer === '/timestamp' ? { ...issue, pointer: `/${shape.time.key}` } : issue,
  );
}

function shapeOf(object: JsonObject): Result<Shape, Issue> {
  if (textOf(object, 'to_lane') !== null) return workPackageShape(object, 'WPStatusChanged');
  const type = firstText(object, TYPE_KEYS);
  if (type !== null) return typedShape(object, type);
  if (member(object, 'kind') === 'annotation') return workPackageShape(object, 'InnerStateChanged');
  return refused('', 'unknown-shape', 'the line has neither a lane nor a type');
}

function workPackageShape(object: JsonObject, type: string): Result<Shape, Issue> {
  const aggregateId = textOf(object, 'wp_id');
  if (aggregateId === null)
    return refused('/wp_id', 'no-work-package', 'wp_id must name a work package');
  const aggregateType = 'WorkPackage';
  return timed(object, { type, typeKey: null, aggregateType, aggregateId, ownPayload: false });
}

function typedShape(object: JsonObject, { key, text: type }: Named): Result<Shape, Issue> {
  const payload = key === 'type' ? null : asObject(member(object, 'payload'));
  return timed(object, {
    type,
    typeKey: key,
    aggregateType: textOf(object, 'aggregate_type') ?? 'Mission',
    aggregateId: textOf(object, 'aggregate_id') ?? missionOf(object, payload),
    ownPayload: payload !== null,
  });
}

/** `timestamp` is the envelope's own name, so a line that is nearly an envelope is asked for it first. */
function timed(object: JsonObject, shape: Omit<Shape, 'time'>): Result<Shape, Issue> {
  const time = firstText(object, shape.ownPayload ? ['timestamp', 'at'] : ['at', 'timestamp']);
  return time === null
    ? refused('', 'no-time', 'the line has neither `at` nor `timestamp`')
    : ok({ ...shape, time });
}

function missionOf(object: JsonObject, payload: JsonObject | null): string {
  const named = firstText(object, MISSION_KEYS) ?? firstText(payload ?? {}, MISSION_KEYS);
  return named?.text ?? NO_MISSION;
}

/** The line's own id, or one derived from its bytes; null when it has one that is none. */
function idOf(bytes: Uint8Array, object: JsonObject, project: ProjectId): EventId | null {
  return parseEventId(asText(member(object, 'event_id')) ?? uuidV5(project, bytes));
}

function lamportOf(object: JsonObject): number | null {
  const stated = member(object, 'lamport_clock') ?? member(object, 'lamport') ?? 0;
  return typeof stated === 'number' && Number.isSafeInteger(stated) && stated >= 0 ? stated : null;
}

function statedProject(object: JsonObject, project: ProjectId): string | null {
  const stated = textOf(object, 'project_uuid');
  if (stated === null || parseProjectId(stated) === project) return null;
  return stated.slice(0, MAX_STATED_PROJECT_CHARS);
}

function payloadOf(bytes: Uint8Array, members: readonly Member[], shape: Shape): Uint8Array {
  if (!shape.ownPayload) {
    return Buffer.concat([OPEN, joinMembers(bytes, members.filter(isLeft(shape))), CLOSE]);
  }
  const payload = members.find(({ key }) => key === 'payload');
  assert(payload !== undefined, 'a line with a payload has the member');
  return bytes.subarray(payload.valueStart, payload.valueEnd);
}

/** A line with a payload may say more than an envelope has fields for; what a producer adds is kept. */
function withExtras(
  envelope: Uint8Array,
  bytes: Uint8Array,
  members: readonly Member[],
  shape: Shape,
): Uint8Array {
  if (!shape.ownPayload) return envelope;
  const extras = members.filter(isLeft(shape)).filter(({ key }) => !ENVELOPE_FIELDS.has(key));
  if (extras.length === 0) return envelope;
  const body = envelope.subarray(0, envelope.length - 1);
  return Buffer.concat([body, COMMA, joinMembers(bytes, extras), CLOSE]);
}

/** Members that did not become the id, the time or the type. */
function isLeft(shape: Shape): (each: Member) => boolean {
  return ({ key }) => key !== 'event_id' && key !== shape.time.key && key !== shape.typeKey;
}

function isTextOrNull(object: JsonObject, key: string): boolean {
  const value = member(object, key) ?? null;
  return value === null || typeof value === 'string';
}

function textOf(object: JsonObject, key: string): string | null {
  const value = asText(member(object, key));
  return value === '' ? null : value;
}

function firstText(object: JsonObject, keys: readonly string[]): Named | null {
  for (const key of keys) {
    const text = textOf(object, key);
    if (text !== null) return { key, text };
  }
  return null;
}

function refused(
  pointer: string,
  rule: string,
  message: string,
): { readonly ok: false; readonly error: Issue } {
  return failed({ pointer, rule, message });
}
