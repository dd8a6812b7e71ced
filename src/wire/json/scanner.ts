import { type Issue, jsonPointer } from './issue.ts';
import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  decodeString,
  escapeAt,
  isControl,
  numberEnd,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  spaceEnd,
  stringEnd,
} from './tokens.ts';

// One strict pass over the bytes of a document: grammar, depth, counts, keys. It is for the documents that a glance
// could not clear, and its answer counts. Where it stopped is turned into a pointer afterwards, and only then.

const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');
const NULL = Buffer.from('null');

export interface JsonLimits {
  readonly maxBytes: number;
  /** The outermost container is depth 1. The scan recurses, so this stays in the hundreds. */
  readonly maxDepth: number;
  /** Members of all objects of the document together. */
  readonly maxKeys: number;
  readonly maxNumberChars: number;
}

/** What a scan found: nothing, or the first issue. */
export type Scanned = { readonly ok: true } | { readonly ok: false; readonly issue: Issue };

interface Scan {
  readonly bytes: Uint8Array;
  readonly limits: JsonLimits;
  at: number;
  /** Open containers. */
  depth: number;
  keys: number;
  /** The way to the present value: where a key starts, or -1 - index in an array; `known` of them count. */
  readonly steps: number[];
  known: number;
  rule: string;
  message: string;
}

/** Checks that `bytes` are one JSON value within the limits, white space around it allowed. Total. */
export function scanJson(bytes: Uint8Array, limits: JsonLimits): Scanned {
  const scan: Scan = {
    bytes,
    limits,
    at: spaceEnd(bytes, 0),
    depth: 0,
    keys: 0,
    steps: [],
    known: 0,
    rule: '',
    message: '',
  };
  if (scanValue(scan)) {
    scan.at = spaceEnd(bytes, scan.at);
    if (scan.at === bytes.length) return { ok: true };
    refuse(scan, 'invalid-json', 'there is more text behind the end of the value');
  }
  return { ok: false, issue: issueOf(scan) };
}

function refuse(scan: Scan, rule: string, message: string): false {
  scan.rule = rule;
  scan.message = `${message} (byte ${scan.at})`;
  return false;
}

function expected(scan: Scan, wanted: string): false {
  const found = scan.at < scan.bytes.length ? 'found something else' : 'the text ends';
  return refuse(scan, 'invalid-json', `expected ${wanted}, ${found}`);
}

function scanValue(scan: Scan): boolean {
  switch (scan.bytes[scan.at]) {
    case QUOTE:
      return scanString(scan);
    case OPEN_BRACE:
      return enter(scan) && scanMembers(scan);
    case OPEN_BRACKET:
      return enter(scan) && scanElements(scan);
    case TRUE[0]:
      return scanWord(scan, TRUE);
    case FALSE[0]:
      return scanWord(scan, FALSE);
    case NULL[0]:
      return scanWord(scan, NULL);
    default:
      return scanNumber(scan);
  }
}

function enter(scan: Scan): boolean {
  if (scan.depth >= scan.limits.maxDepth) {
    return refuse(scan, 'too-deep', `nested deeper than ${scan.limits.maxDepth} levels`);
  }
  scan.depth += 1;
  scan.at = spaceEnd(scan.bytes, scan.at + 1);
  return true;
}

function leave(scan: Scan): true {
  scan.depth -= 1;
  scan.known = scan.depth;
  scan.at += 1;
  return true;
}

function scanMembers(scan: Scan): boolean {
  const { bytes } = scan;
  const seen = new Set<string>();
  if (bytes[scan.at] === CLOSE_BRACE) return leave(scan);
  for (;;) {
    if (!scanKey(scan, seen) || !scanValue(scan)) return false;
    scan.at = spaceEnd(bytes, scan.at);
    const byte = bytes[scan.at];
    if (byte === CLOSE_BRACE) return leave(scan);
    if (byte !== COMMA) return expected(scan, 'a comma or a closing brace');
    scan.at = spaceEnd(bytes, scan.at + 1);
  }
}

function scanKey(scan: Scan, seen: Set<string>): boolean {
  const start = scan.at;
  const level = scan.depth - 1;
  // While a key is being read, what goes wrong belongs to the object.
  scan.known = level;
  if (scan.bytes[start] !== QUOTE) return expected(scan, 'a key in double quotes');
  if (!scanString(scan)) return false;
  scan.keys += 1;
  if (scan.keys > scan.limits.maxKeys) {
    return refuse(scan, 'too-many-keys', `more than ${scan.limits.maxKeys} members`);
  }
  scan.steps[level] = start;
  scan.known = level + 1;
  if (isRepeated(scan, start, seen)) {
    return refuse(scan, 'duplicate-key', 'the object has this key already');
  }
  scan.at = spaceEnd(scan.bytes, scan.at);
  if (scan.bytes[scan.at] !== COLON) return expected(scan, 'a colon');
  scan.at = spaceEnd(scan.bytes, scan.at + 1);
  return true;
}

function isRepeated(scan: Scan, start: number, seen: Set<string>): boolean {
  const key = decodeString(scan.bytes.subarray(start, scan.at));
  if (seen.has(key)) return true;
  seen.add(key);
  return false;
}

function scanElements(scan: Scan): boolean {
  const { bytes } = scan;
  const level = scan.depth - 1;
  if (bytes[scan.at] === CLOSE_BRACKET) return leave(scan);
  for (let index = 0; ; index += 1) {
    scan.steps[level] = -1 - index;
    scan.known = level + 1;
    if (!scanValue(scan)) return false;
    scan.at = spaceEnd(bytes, scan.at);
    const byte = bytes[scan.at];
    if (byte === CLOSE_BRACKET) return leave(scan);
    if (byte !== COMMA) return expected(scan, 'a comma or a closing bracket');
    scan.at = spaceEnd(bytes, scan.at + 1);
  }
}

function scanString(scan: Scan): boolean {
  const { bytes } = scan;
  let at = scan.at + 1;
  for (;;) {
    // Behind the end there is a NUL as far as this loop is concerned, and a NUL is refused.
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) {
      scan.at = at + 1;
      return true;
    }
    if (byte === BACKSLASH) {
      const escape = escapeAt(bytes, at);
      if (typeof escape === 'string') return badEscape(scan, at, escape);
      at += escape;
    } else if (isControl(byte)) {
      scan.at = at;
      return expected(scan, 'a closing double quote');
    } else {
      at += 1;
    }
  }
}

function badEscape(scan: Scan, at: number, kind: 'lone-surrogate' | 'unknown'): false {
  scan.at = at;
  return kind === 'unknown'
    ? expected(scan, 'an escape that JSON knows')
    : refuse(scan, 'lone-surrogate', 'half of a surrogate pair is no character');
}

function scanWord(scan: Scan, word: Uint8Array): boolean {
  for (let offset = 1; offset < word.length; offset += 1) {
    if (scan.bytes[scan.at + offset] !== word[offset]) return expected(scan, 'a value');
  }
  scan.at += word.length;
  return true;
}

function scanNumber(scan: Scan): boolean {
  const end = numberEnd(scan.bytes, scan.at);
  if (end === null) return expected(scan, 'a value');
  if (end - scan.at > scan.limits.maxNumberChars) {
    const limit = scan.limits.maxNumberChars;
    return refuse(scan, 'number-too-long', `a number of more than ${limit} characters`);
  }
  scan.at = end;
  return true;
}

function issueOf(scan: Scan): Issue {
  const path = scan.steps.slice(0, scan.known).map((step) => stepOf(scan.bytes, step));
  return { pointer: jsonPointer(path), rule: scan.rule, message: scan.message };
}

function stepOf(bytes: Uint8Array, step: number): PropertyKey {
  return step < 0 ? -1 - step : decodeString(bytes.subarray(step, stringEnd(bytes, step)));
}
