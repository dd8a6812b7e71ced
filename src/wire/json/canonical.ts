import { assert } from '../../base/index.ts';
import { parseJson } from './reader.ts';
import { elementSpans, memberSpans } from './spans.ts';
import { decodeString, decodeText, OPEN_BRACE, OPEN_BRACKET, QUOTE, trimSpace } from './tokens.ts';

/**
 * A text that two JSON values share exactly when they state the same: members sorted by code point, no white
 * space, one spelling of each string, numbers by the characters they were written with (so 1.0 is not 1). Only
 * for comparing facts in one process; it is never sent, stored or hashed for others.
 * @throws AssertionFailure when `bytes` are not a document that `parseJson` accepts.
 */
export function canonicalJson(bytes: Uint8Array): string {
  assert(parseJson(bytes).ok, 'only an accepted document has a canonical form');
  return canonical(trimSpace(bytes));
}

function canonical(bytes: Uint8Array): string {
  switch (bytes[0]) {
    case OPEN_BRACE:
      return canonicalObject(bytes);
    case OPEN_BRACKET:
      return canonicalArray(bytes);
    case QUOTE:
      return JSON.stringify(decodeString(bytes));
    default:
      return decodeText(bytes);
  }
}

function canonicalObject(bytes: Uint8Array): string {
  const members = memberSpans(bytes);
  assert(members !== null, 'an accepted object has members');
  const texts = members
    .map(({ key, value }) => ({
      // UTF-8 sorts as code points do; JavaScript's own order is that of UTF-16 units.
      rank: Buffer.from(key),
      text: `${JSON.stringify(key)}:${canonical(bytes.subarray(value.start, value.end))}`,
    }))
    .sort((a, b) => Buffer.compare(a.rank, b.rank));
  return `{${texts.map(({ text }) => text).join(',')}}`;
}

function canonicalArray(bytes: Uint8Array): string {
  const spans = elementSpans(bytes, { start: 0, end: bytes.length });
  assert(spans !== null, 'an accepted array has elements');
  return `[${spans.map(({ start, end }) => canonical(bytes.subarray(start, end))).join(',')}]`;
}
