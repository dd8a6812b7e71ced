import { asText, parseJson } from './reader.ts';
import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  isSpace,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  stringEnd,
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
  return frameOf(bytes)?.members ?? null;
}

/** An object taken apart in one pass, two levels deep. */
export interface Frame {
  readonly members: readonly MemberSpan[];
  /** As `elementSpans` of that member's value, without another pass. */
  elementsOf(member: MemberSpan): readonly Span[] | null;
}

/** The frame of a document; null when it is no object or is broken between its members. Total. */
export function frameOf(bytes: Uint8Array): Frame | null {
  const whole = trimmed(bytes, { start: 0, end: bytes.length });
  const commas = commasOf(bytes, whole);
  const parts = commas === null ? null : partsOf(bytes, whole, OBJECT, commas.outer);
  if (commas === null || parts === null) return null;
  const members: MemberSpan[] = [];
  for (const part of parts) {
    const member = splitMember(bytes, part);
    if (member === null) return null;
    members.push(member);
  }
  return {
    members,
    elementsOf: ({ value }) => {
      const within = commas.inner.filter((at) => at > value.start && at < value.end);
      return partsOf(bytes, value, ARRAY, within);
    },
  };
}

/**
 * Where the elements of the array at `array` stand; null when no array stands there or it is broken between its
 * elements. The elements are stepped over, not checked, so that a bad one spoils no other. Total.
 */
export function elementSpans(bytes: Uint8Array, array: Span): readonly Span[] | null {
  const whole = trimmed(bytes, array);
  const commas = commasOf(bytes, whole);
  return commas === null ? null : partsOf(bytes, whole, ARRAY, commas.outer);
}

type Brackets = readonly [open: number, close: number];

const OBJECT: Brackets = [OPEN_BRACE, CLOSE_BRACE];
const ARRAY: Brackets = [OPEN_BRACKET, CLOSE_BRACKET];

/** The commas right inside the outermost container, and those one level deeper. */
interface Commas {
  readonly outer: readonly number[];
  readonly inner: readonly number[];
}

/** Null when the bracket at the start of `whole` is not closed by the one at its end. */
function commasOf(bytes: Uint8Array, whole: Span): Commas | null {
  const outer: number[] = [];
  const inner: number[] = [];
  const last = whole.end - 1;
  let depth = 0;
  for (let at = whole.start; at <= last; at += 1) {
    switch (bytes[at]) {
      case QUOTE:
        at = stringEnd(bytes, at) - 1;
        break;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        depth += 1;
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        depth -= 1;
        if (depth === 0) return at === last ? { outer, inner } : null;
        break;
      case COMMA:
        if (depth === 1) outer.push(at);
        else if (depth === 2) inner.push(at);
        break;
      default:
    }
  }
  return null;
}

function partsOf(
  bytes: Uint8Array,
  { start, end }: Span,
  [open, close]: Brackets,
  commas: readonly number[],
): readonly Span[] | null {
  if (bytes[start] !== open || bytes[end - 1] !== close) return null;
  const parts: Span[] = [];
  let from = start + 1;
  for (const to of [...commas, end - 1]) {
    const part = trimmed(bytes, { start: from, end: to });
    // Nothing between the brackets is an empty container; nothing beside a comma is a mistake.
    if (part.start === part.end) return commas.length === 0 ? parts : null;
    parts.push(part);
    from = to + 1;
  }
  return parts;
}

function trimmed(bytes: Uint8Array, { start: from, end: to }: Span): Span {
  let start = from;
  while (start < to && isSpace(bytes[start])) start += 1;
  let end = to;
  while (end > start && isSpace(bytes[end - 1])) end -= 1;
  return { start, end };
}

function splitMember(bytes: Uint8Array, part: Span): MemberSpan | null {
  if (bytes[part.start] !== QUOTE) return null;
  const keyEnd = stringEnd(bytes, part.start);
  const colon = trimmed(bytes, { start: keyEnd, end: part.end }).start;
  if (bytes[colon] !== COLON) return null;
  const value = trimmed(bytes, { start: colon + 1, end: part.end });
  const read = parseJson(bytes.subarray(part.start, keyEnd));
  const key = read.ok ? asText(read.value) : null;
  return key === null || value.start === value.end ? null : { key, value };
}
