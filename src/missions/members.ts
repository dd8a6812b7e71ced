// An accepted JSON object cut into its members, so that chosen ones can be taken over byte for byte: numbers, escapes
// and repeated spellings stay as their writer spelled them.

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const SPACE = 0x20;

/** One member: its key as text, and where key and value stand, quotes included and white space excluded. */
export interface Member {
  readonly key: string;
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly valueStart: number;
  readonly valueEnd: number;
}

/** `bytes` without the white space around them; a view. */
export function trim(bytes: Uint8Array): Uint8Array {
  const end = spaceStart(bytes, bytes.length);
  return bytes.subarray(Math.min(spaceEnd(bytes, 0), end), end);
}

/** The members of the object that `bytes` are, in their order. Only for an object that `parseJson` accepted. */
export function cutMembers(bytes: Uint8Array): readonly Member[] {
  const members: Member[] = [];
  const close = spaceStart(bytes, bytes.length) - 1;
  let keyStart = spaceEnd(bytes, spaceEnd(bytes, 0) + 1);
  while (keyStart < close) {
    const keyEnd = stringEnd(bytes, keyStart);
    const valueStart = spaceEnd(bytes, spaceEnd(bytes, keyEnd) + 1);
    const comma = valueStop(bytes, valueStart, close);
    const key = readKey(bytes, keyStart, keyEnd);
    members.push({ key, keyStart, keyEnd, valueStart, valueEnd: spaceStart(bytes, comma) });
    keyStart = spaceEnd(bytes, comma + 1);
  }
  return members;
}

/** The bytes of `members` joined as inside an object, without braces and without white space between tokens. */
export function joinMembers(bytes: Uint8Array, members: readonly Member[]): Uint8Array {
  // What is left out of an object only makes it shorter.
  const joined = Buffer.allocUnsafe(bytes.length);
  let at = 0;
  for (const { keyStart, keyEnd, valueStart, valueEnd } of members) {
    if (at > 0) {
      joined[at] = COMMA;
      at += 1;
    }
    for (let from = keyStart; from < keyEnd; from += 1, at += 1) joined[at] = bytes[from] ?? 0;
    joined[at] = COLON;
    at += 1;
    for (let from = valueStart; from < valueEnd; from += 1, at += 1) joined[at] = bytes[from] ?? 0;
  }
  return joined.subarray(0, at);
}

function readKey(bytes: Uint8Array, start: number, end: number): string {
  const token = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
  return token.includes(BACKSLASH)
    ? String(JSON.parse(token.toString()))
    : token.toString('utf8', 1, token.length - 1);
}

/** The comma behind the value at `start`, or `close`, the brace that ends the object. */
function valueStop(bytes: Uint8Array, start: number, close: number): number {
  let depth = 0;
  let at = start;
  while (at < close) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      at = stringEnd(bytes, at);
      continue;
    }
    if (byte === COMMA && depth === 0) return at;
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth += 1;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth -= 1;
    at += 1;
  }
  return close;
}

/** Just behind the string whose opening quote is at `start`. */
function stringEnd(bytes: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at + 1;
}

function spaceEnd(bytes: Uint8Array, start: number): number {
  let at = start;
  while (isSpace(bytes[at])) at += 1;
  return at;
}

function spaceStart(bytes: Uint8Array, end: number): number {
  let at = end;
  while (at > 0 && isSpace(bytes[at - 1])) at -= 1;
  return at;
}

/** White space between tokens (RFC 8259 section 2). */
function isSpace(byte: number | undefined): boolean {
  return byte === SPACE || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
