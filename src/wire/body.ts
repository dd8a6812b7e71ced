import { isUtf8 } from 'node:buffer';
import { assert, failed, ok, type Result, sha256Hex } from '../base/index.ts';
import { hasControl, readProject, readText, type Reading, refuse } from './envelope-fields.ts';
import type { ProjectId } from './ids.ts';
import type { Issue } from './json/issue.ts';
import {
  asArray,
  asObject,
  asText,
  type JsonObject,
  type JsonValue,
  member,
  parseJson,
} from './json/reader.ts';
import { MAX_BODY_BYTES, MAX_ID_CHARS, MAX_PUSH_BYTES, MAX_TEXT_CHARS } from './limits.ts';

/** What an artifact belongs to: one mission, on one branch, as one version of its type's manifest sees it. */
export interface Namespace {
  readonly projectUuid: ProjectId;
  readonly missionSlug: string;
  readonly targetBranch: string;
  readonly missionType: string;
  readonly manifestVersion: string;
}

/** One artifact's text on its way to a receiver. */
export interface BodyPush extends Namespace {
  /** Relative to the mission, with `/`. */
  readonly artifactPath: string;
  /** Lower-case hexadecimal SHA-256 of `content`. */
  readonly contentHash: string;
  /** UTF-8, at most `MAX_BODY_BYTES`. */
  readonly content: Uint8Array;
}

/** A receiver's answer to a push, the positive ones and the refusals; null for what it did not say. */
export interface BodyAnswer {
  /** `stored` and `already_exists` are the positive ones. */
  readonly status: string | null;
  readonly artifactPath: string | null;
  readonly contentHash: string | null;
  /** A refusal's code: `error_code`, else `error` where it is spelled like a code. */
  readonly code: string | null;
  /** A refusal's text for people; the field errors of a receiver that answers by field, joined. */
  readonly detail: string | null;
  readonly serverInstanceId: string | null;
}

const SHA256 = /^[0-9a-f]{64}$/i;
const CODE = /^[a-z][a-z0-9_]{0,127}$/;

/**
 * Whether a text names a place inside a mission on every system: relative, parted by `/`, no empty, `.` or `..` part,
 * no backslash, no drive, no control character, at most 2048 UTF-16 units. Receivers refuse a push of another path.
 */
export function isArtifactPath(path: string): boolean {
  return (
    path.length <= MAX_TEXT_CHARS &&
    !hasControl(path) &&
    !path.includes('\\') &&
    !/^[A-Za-z]:/.test(path) &&
    path.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
  );
}

/** Whether a text can be one of a namespace's names: not blank, no control character, at most 2048 UTF-16 units. */
export function isNamespaceName(text: string): boolean {
  return text.length <= MAX_TEXT_CHARS && !hasControl(text) && text.trim() !== '';
}

/**
 * The body of a push: the nine fields under the names of the contract (wire contract 6.1). The text's bytes come out
 * of `parseBodyPush` as they went in, whatever characters they are.
 * @throws AssertionFailure for content that is no UTF-8, which no JSON text can carry.
 */
export function encodeBodyPush(push: BodyPush): Buffer {
  assert(isUtf8(push.content), 'a body is UTF-8');
  return Buffer.from(
    JSON.stringify({
      project_uuid: push.projectUuid,
      feature_slug: push.missionSlug,
      target_branch: push.targetBranch,
      mission_key: push.missionType,
      manifest_version: push.manifestVersion,
      artifact_path: push.artifactPath,
      content_hash: push.contentHash,
      hash_algorithm: 'sha256',
      // Not TextDecoder: it would take a byte order mark away.
      content_body: Buffer.from(push.content).toString('utf8'),
    }),
  );
}

/**
 * Reads and judges one push, in either vocabulary: with `feature_slug`, `mission_key` is the type and `mission_slug`
 * says nothing (wire contract 6.1). The hash must be that of the text. Answers every issue found; the rule `too-large`
 * stands for a text, or a request, above its limit. Never throws.
 */
export function parseBodyPush(bytes: Uint8Array): Result<BodyPush, readonly Issue[]> {
  const parsed = parseJson(bytes, { maxBytes: MAX_PUSH_BYTES });
  if (!parsed.ok) return failed([parsed.error]);
  const fields = asObject(parsed.value);
  if (fields === null) {
    return failed([{ pointer: '', rule: 'wrong-type', message: 'a push must be a JSON object' }]);
  }
  const reading: Reading = { fields, issues: [] };
  const projectUuid = readProject(reading);
  const isFirst = (member(fields, 'feature_slug') ?? null) !== null;
  const missionSlug = readName(reading, isFirst ? 'feature_slug' : 'mission_slug');
  const targetBranch = readName(reading, 'target_branch');
  const missionType = readName(reading, isFirst ? 'mission_key' : 'mission_type');
  const manifestVersion = readName(reading, 'manifest_version');
  const artifactPath = readPath(reading);
  const contentHash = readHash(reading);
  const content = readContent(reading, contentHash);
  if (projectUuid === null && (member(fields, 'project_uuid') ?? null) === null) {
    refuse(reading, 'project_uuid', 'required', 'is missing');
  }
  if (projectUuid === null || reading.issues.length > 0) return failed(reading.issues);
  const namespace = { projectUuid, missionSlug, targetBranch, missionType, manifestVersion };
  return ok({ ...namespace, artifactPath, contentHash, content });
}

function readName(reading: Reading, key: string): string {
  const text = readText(reading, key, MAX_TEXT_CHARS);
  if (text !== '' && !isNamespaceName(text)) refuse(reading, key, 'empty', 'must not be blank');
  return text;
}

function readPath(reading: Reading): string {
  const path = readText(reading, 'artifact_path', MAX_TEXT_CHARS);
  if (path !== '' && !isArtifactPath(path)) {
    refuse(reading, 'artifact_path', 'not-a-path', 'must stay inside the mission, parted by /');
  }
  return path;
}

function readHash(reading: Reading): string {
  const algorithm = member(reading.fields, 'hash_algorithm') ?? 'sha256';
  if (algorithm !== 'sha256') {
    refuse(reading, 'hash_algorithm', 'not-allowed', 'must be sha256');
  }
  const hash = readText(reading, 'content_hash', MAX_ID_CHARS);
  if (hash !== '' && !SHA256.test(hash)) {
    refuse(reading, 'content_hash', 'wrong-form', 'must be 64 hexadecimal digits');
  }
  return hash.toLowerCase();
}

/** An empty text is a body too: the first clients sent it. */
function readContent(reading: Reading, hash: string): Uint8Array {
  const text = asText(member(reading.fields, 'content_body'));
  if (text === null) {
    refuse(reading, 'content_body', 'required', 'must be a text');
    return new Uint8Array();
  }
  const content = Buffer.from(text);
  if (content.length > MAX_BODY_BYTES) {
    const sizes = `is ${content.length} bytes, at most ${MAX_BODY_BYTES} are accepted`;
    refuse(reading, 'content_body', 'too-large', sizes);
  } else if (SHA256.test(hash) && sha256Hex(content) !== hash) {
    refuse(reading, 'content_hash', 'hash-mismatch', 'is not the SHA-256 of content_body');
  }
  return content;
}

/** The answer to a push that is stored now, or was before, in the wire's names (wire contract 6.2). */
export function encodeBodyAnswer(
  status: 'stored' | 'already_exists',
  { artifactPath, contentHash }: Pick<BodyPush, 'artifactPath' | 'contentHash'>,
): JsonObject {
  return { status, artifact_path: artifactPath, content_hash: contentHash };
}

/**
 * Reads what a receiver answered to a push. Unknown members are ignored, as are those of another type than the
 * contract's. Never throws.
 * @returns null when the answer is no JSON object.
 */
export function parseBodyAnswer(bytes: Uint8Array): BodyAnswer | null {
  const parsed = parseJson(bytes);
  const answer = parsed.ok ? asObject(parsed.value) : null;
  if (answer === null) return null;
  return {
    status: shortText(answer, 'status'),
    artifactPath: shortText(answer, 'artifact_path'),
    contentHash: shortText(answer, 'content_hash'),
    code: codeOf(answer),
    detail: detailOf(answer),
    serverInstanceId: shortText(answer, 'server_instance_id'),
  };
}

function codeOf(answer: JsonObject): string | null {
  const named = [member(answer, 'error_code'), member(answer, 'error')].map(asText);
  return named.find((text) => text !== null && CODE.test(text)) ?? null;
}

const NOT_FIELDS: ReadonlySet<string> = new Set([
  'status',
  'artifact_path',
  'content_hash',
  'error',
  'error_code',
  'retry_after',
  'server_instance_id',
]);

/** `detail` when there is one, else each further member that holds a text or a list of texts (wire contract 6.2). */
function detailOf(answer: JsonObject): string | null {
  const detail = asText(member(answer, 'detail'));
  if (detail !== null && detail !== '') return detail;
  const parts = Object.entries(answer).flatMap(([key, value]) => {
    // An echo is a text; a list under its name is what is wrong with that field.
    const isEcho = NOT_FIELDS.has(key) && asArray(value) === null;
    const text = isEcho ? '' : textsOf(value).join('; ');
    return text === '' ? [] : [`${key}: ${text}`];
  });
  if (parts.length > 0) return parts.join(' | ');
  const error = asText(member(answer, 'error'));
  return error === null || CODE.test(error) ? null : error;
}

function textsOf(value: JsonValue): readonly string[] {
  return (asArray(value) ?? [value]).flatMap((each) => asText(each) ?? []);
}

function shortText(answer: JsonObject, key: string): string | null {
  const text = asText(member(answer, key));
  return text !== null && text !== '' && text.length <= MAX_TEXT_CHARS ? text : null;
}
