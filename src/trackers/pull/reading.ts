import {
  asObject,
  asText,
  elementSpans,
  member,
  memberSpan,
  parseJson,
  type JsonObject,
  type JsonValue,
} from '../../wire/index.ts';
import { MAX_PAGE_BYTES, MAX_PAGE_KEYS } from '../limits.ts';

/** A document of a tracker, or null when it is no JSON. */
export function readDocument(bytes: Uint8Array): JsonValue | null {
  const parsed = parseJson(bytes, { maxBytes: MAX_PAGE_BYTES, maxKeys: MAX_PAGE_KEYS });
  return parsed.ok ? parsed.value : null;
}

/** The objects of the list at the end of these keys, each with its bytes; null when no list is there. */
export function readList(
  bytes: Uint8Array,
  keys: readonly string[],
): readonly { readonly value: JsonObject; readonly raw: string }[] | null {
  let span = { start: 0, end: bytes.length };
  for (const key of keys) {
    const inner = memberSpan(bytes.subarray(span.start, span.end), key);
    if (inner === null) return null;
    span = { start: span.start + inner.start, end: span.start + inner.end };
  }
  const elements = elementSpans(bytes, span);
  return (
    elements?.flatMap(({ start, end }) => {
      const raw = bytes.subarray(start, end);
      const value = asObject(readDocument(raw) ?? undefined);
      return value === null ? [] : [{ value, raw: Buffer.from(raw).toString('utf8') }];
    }) ?? null
  );
}

/** The value at the end of these keys, undefined when there is none. */
export function at(
  value: JsonValue | null | undefined,
  ...keys: readonly string[]
): JsonValue | undefined {
  return keys.reduce<JsonValue | undefined>((inner, key) => {
    const object = asObject(inner);
    return object === null ? undefined : member(object, key);
  }, value ?? undefined);
}

/** The text at the end of these keys, or null. */
export function textAt(
  value: JsonValue | null | undefined,
  ...keys: readonly string[]
): string | null {
  return asText(at(value, ...keys));
}

/** A moment in UTC as the tracker says it, or null. */
export function instantAt(
  value: JsonValue | null | undefined,
  ...keys: readonly string[]
): string | null {
  const ms = Date.parse(textAt(value, ...keys) ?? '');
  return Number.isNaN(ms) ? null : new Date(ms).toISOString();
}
