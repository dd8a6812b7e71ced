import { printable } from '../base/index.ts';
import {
  asArray,
  asObject,
  asText,
  member,
  parseJson,
  type JsonObject,
  type JsonValue,
} from '../wire/index.ts';

/** UTF-8 bytes of a foreign text that is kept to be shown. */
export const DETAIL_BYTES = 500;

/** Answers are larger than envelopes and flatter; the transport has capped their bytes already. */
const ANSWER_LIMITS = { maxBytes: 8_388_608, maxKeys: 200_000 };
/** UTF-16 units; what health may state, too. */
const LONGEST_INSTANCE_ID = 2048;

/** The answer as a JSON object, or null when it is anything else. */
export function bodyOf(bytes: Uint8Array): JsonObject | null {
  const parsed = parseJson(bytes, ANSWER_LIMITS);
  if (parsed.ok) return asObject(parsed.value);
  if (parsed.error.rule !== 'lone-surrogate') return null;
  const mended = parseJson(withoutHalves(bytes), ANSWER_LIMITS);
  return mended.ok ? asObject(mended.value) : null;
}

/** The instance that answered, when it says so: exactly as it says it, for it is compared. */
export function instanceOf(body: JsonObject | null): string | null {
  const id = body === null ? null : asText(member(body, 'server_instance_id'));
  return id !== null && id !== '' && id.length <= LONGEST_INSTANCE_ID ? id : null;
}

/** A list as it stands, or inside a text, as some receivers wrap it (wire contract 1.5); empty otherwise. */
export function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  const list = asArray(value);
  if (list !== null) return list;
  const text = asText(value);
  if (text === null) return [];
  const inner = parseJson(Buffer.from(text), ANSWER_LIMITS);
  return (inner.ok ? asArray(inner.value) : null) ?? [];
}

/** The first of these members that is a text and not blank, made safe to show. */
export function textOf(entry: JsonObject | null, keys: readonly string[]): string | null {
  if (entry === null) return null;
  for (const key of keys) {
    const text = asText(member(entry, key))?.trim();
    if (text !== undefined && text !== '') return printable(text, DETAIL_BYTES);
  }
  return null;
}

/** The structured code of a result, in lower case (wire contract 1.4). */
export function codeOf(entry: JsonObject): string | null {
  return textOf(entry, ['error_category', 'category', 'code'])?.toLowerCase() ?? null;
}

/** What an answer as a whole says for people, after a colon; empty when it says nothing. */
export function spoken(body: JsonObject | null): string {
  const sync = body === null ? null : asObject(member(body, 'sync_protocol'));
  const guidance = textOf(sync, ['upgrade_guidance']) ?? textOf(body, ['error_description']);
  const text = guidance ?? textOf(body, ['error', 'message', 'detail']);
  return text === null ? '' : `: ${text}`;
}

/** A whole escape of JSON: a surrogate pair, half of one, or any other. */
const ESCAPE =
  /\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|(\\u[dD][89a-fA-F][\da-fA-F]{2})|\\[^]/g;

/** A receiver that cuts its texts may cut within a character; one half must not cost the whole answer. */
function withoutHalves(bytes: Uint8Array): Buffer {
  const text = Buffer.from(bytes).toString('utf8');
  const replaced = text.replaceAll(ESCAPE, (escape, half?: string) =>
    half === undefined ? escape : '\\ufffd',
  );
  return Buffer.from(replaced);
}

/** A positive whole number, or null. */
export function countOf(object: JsonObject | null, key: string): number | null {
  const value = object === null ? undefined : member(object, key);
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : null;
}
