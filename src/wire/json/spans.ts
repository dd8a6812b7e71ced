import { MAX_DEPTH, MAX_KEYS, MAX_NUMBER_CHARS } from '../limits.ts';
import { scanJson } from './scanner.ts';
import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  decodeString,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  spaceEnd,
  stringEnd,
  trimSpace,
} from './tokens.ts';

/** A range of bytes of a document: `start` inclusive, `end` exclusive, no white space around the value. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** One member of an object: its key, and where its value stands. */
export interface MemberSpan {
  readonly key: string;
  readonly value: Span;
}

/**
 * Where the value of a member of the outermost object stands, so that its bytes can be taken over as they are.
 * Null when the document is no object or has no such member. Total.
 */
export function memberSpan(bytes: Uint8Array, key: string): Span | null {
  return memberSpans(bytes)?.find((member) => member.key === key)?.value ?? null;
}

/**
 * The members of the outermost object in their order; null when the document is no object or is broken between
 * its members. The values are stepped over, not checked. Total.
 */
export function memberSpans(bytes: Uint8Array): readonly MemberSpan[] | null {
  const parts = partsOf(bytes, { start: 0, end: bytes.length }, OPEN_BRACE, CLOSE_BRACE);
  if (parts === null) return null;
  const members: MemberSpan[] = [];
  for (const part of parts) {
    const split = splitMember(bytes, part);
    if (split === null) return null;
    members.push(split);
  }
  return members;
}

/**
 * Where the elements of the array at `array` stand; null when no array stands there or it is broken between its
 * elements. The elements are stepped over, not checked, so that a bad one spoils no other. Total.
 */
export function elementSpans(bytes: Uint8Array, array: Span): readonly Span[] | null {
  return partsOf(bytes, array, OPEN_BRACKET, CLOSE_BRACKET);
}

function partsOf(bytes: Uint8Array, whole: Span, open: number, close: number): Span[] | null {
  const range = trimmed(bytes, whole);
  if (bytes[range.start] !== open || bytes[range.end - 1] !== close) return null;
  const parts: Span[] = [];
  const end = range.end - 1;
  let at = range.start + 1;
  if (spaceEnd(bytes, at) === end) return parts;
  for (;;) {
    const stop = partEnd(bytes, at, end);
    const part = trimmed(bytes, { start: at, end: stop });
    if (stop > end || part.start === part.end) return null;
    parts.push(part);
    if (stop === end) return parts;
    at = stop + 1;
  }
}

/** The next comma on the same level, or `end`; behind `end` when a bracket or a string does not fit. */
function partEnd(bytes: Uint8Array, start: number, end: number): number {
  let depth = 0;
  let at = start;
  while (at < end) {
    const byte = bytes[at];
    if (byte === COMMA && depth === 0) return at;
    if (byte === QUOTE) {
      at = stringEnd(bytes, at);
      continue;
    }
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth += 1;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth -= 1;
    if (depth < 0) return end + 1;
    at += 1;
  }
  return depth === 0 ? at : end + 1;
}

function trimmed(bytes: Uint8Array, span: Span): Span {
  const start = Math.min(spaceEnd(bytes, span.start), span.end);
  return { start, end: start + trimSpace(bytes.subarray(start, span.end)).length };
}

function splitMember(bytes: Uint8Array, part: Span): MemberSpan | null {
  if (bytes[part.start] !== QUOTE) return null;
  const keyEnd = stringEnd(bytes, part.start);
  const colon = spaceEnd(bytes, keyEnd);
  if (bytes[colon] !== COLON) return null;
  const value = trimmed(bytes, { start: colon + 1, end: part.end });
  const key = readKey(bytes.subarray(part.start, keyEnd));
  return key === null || value.start === value.end ? null : { key, value };
}

function readKey(token: Uint8Array): string | null {
  const scanned = scanJson(token, {
    maxBytes: token.length,
    maxDepth: MAX_DEPTH,
    maxKeys: MAX_KEYS,
    maxNumberChars: MAX_NUMBER_CHARS,
    uniqueKeys: false,
  });
  return scanned.ok ? decodeString(token) : null;
}
