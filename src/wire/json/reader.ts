import { isUtf8 } from 'node:buffer';
import { assert, failed, ok, type Result } from '../../base/index.ts';
import { MAX_DEPTH, MAX_DOCUMENT_BYTES, MAX_KEYS, MAX_NUMBER_CHARS } from '../limits.ts';
import { countKeys } from './glance.ts';
import type { Issue } from './issue.ts';
import { type JsonLimits, scanJson } from './scanner.ts';
import { decodeText } from './tokens.ts';

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: JsonValue;
}

const DEFAULTS: JsonLimits = {
  maxBytes: MAX_DOCUMENT_BYTES,
  maxDepth: MAX_DEPTH,
  maxKeys: MAX_KEYS,
  maxNumberChars: MAX_NUMBER_CHARS,
};

/**
 * Reads one JSON document (RFC 8259), UTF-8 without a byte order mark, or says where and why it is refused.
 * Never throws. Refused beside bad grammar: a repeated key in one object, half a surrogate pair, and whatever
 * exceeds the limits. Numbers become JavaScript numbers, so whoever needs them exactly keeps the bytes.
 */
export function parseJson(
  bytes: Uint8Array,
  limits: Partial<JsonLimits> = {},
): Result<JsonValue, Issue> {
  const options: JsonLimits = { ...DEFAULTS, ...limits };
  const refusal = refuseWhole(bytes, options);
  if (refusal !== null) return failed(refusal);
  const text = decodeText(bytes);
  const plain = readPlain(text, options);
  if (plain !== undefined) return ok(plain);
  const scanned = scanJson(bytes, options);
  return scanned.ok ? ok(JSON.parse(text) as JsonValue) : failed(scanned.issue);
}

/** The value of a text in which nothing asks for the strict scan, as in nearly all; undefined for every other. */
function readPlain(text: string, limits: JsonLimits): JsonValue | undefined {
  const keys = countKeys(text, limits);
  const value = keys === null ? undefined : platformParse(text);
  // The parser keeps one of two equal keys, so a repeated key shows as a member that got lost, unless objects
  // inherit members: then nothing can be said without a closer look.
  const isWhole = value !== undefined && countMembers(value) === keys && countMembers({}) === 0;
  return isWhole ? value : undefined;
}

function platformParse(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch (error) {
    assert(error instanceof SyntaxError, 'a parser complains of nothing but grammar');
    return undefined;
  }
}

function refuseWhole(bytes: Uint8Array, limits: JsonLimits): Issue | null {
  if (bytes.length > limits.maxBytes) {
    return whole('too-large', `${bytes.length} bytes, at most ${limits.maxBytes} are accepted`);
  }
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
    return whole('byte-order-mark', 'the text starts with a byte order mark');
  }
  return isUtf8(bytes) ? null : whole('invalid-utf8', 'the text is not UTF-8');
}

function whole(rule: string, message: string): Issue {
  return { pointer: '', rule, message };
}

function countMembers(value: JsonValue): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = 0;
  if (isArray(value)) {
    for (const each of value) count += countMembers(each);
    return count;
  }
  // Inherited members too: ten times faster than a list of keys.
  for (const key in value) {
    const each = value[key];
    count += 1;
    if (typeof each === 'object') count += countMembers(each);
  }
  return count;
}

/** `Array.isArray` for a type whose arrays are readonly. */
function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** The value when it is a JSON object, neither null nor an array; null otherwise. */
export function asObject(value: JsonValue | undefined): JsonObject | null {
  return typeof value === 'object' && value !== null && !isArray(value) ? value : null;
}

/** The elements when the value is an array; null otherwise. */
export function asArray(value: JsonValue | undefined): readonly JsonValue[] | null {
  return value !== undefined && isArray(value) ? value : null;
}

/** The text when the value is a string; null otherwise. */
export function asText(value: JsonValue | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

/**
 * A member of a foreign object, undefined when it is absent. Only what the document itself says is seen:
 * `constructor` or `__proto__` mean nothing unless they were sent.
 */
export function member(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}
