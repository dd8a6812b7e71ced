// The tokens of JSON text (RFC 8259) as bytes. Every function here is total: it never reads past the end, and an
// end it cannot find is reported as null or as the length of the text.

const TAB = 0x09;
const LINE_FEED = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
const PLUS = 0x2b;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const UPPER_E = 0x45;
const LOWER_E = 0x65;
const LOWER_U = 0x75;

export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const OPEN_BRACKET = 0x5b;
export const BACKSLASH = 0x5c;
export const CLOSE_BRACKET = 0x5d;
export const OPEN_BRACE = 0x7b;
export const CLOSE_BRACE = 0x7d;

const ESCAPES: ReadonlySet<number> = new Set(Buffer.from('"\\/bfnrt'));

/** White space between tokens (section 2). */
export function isSpace(byte: number | undefined): boolean {
  return byte === SPACE || byte === LINE_FEED || byte === RETURN || byte === TAB;
}

/** A byte that must be escaped inside a string (section 7). */
export function isControl(byte: number): boolean {
  return byte < SPACE;
}

/** The first position from `start` on that is not white space. */
export function spaceEnd(bytes: Uint8Array, start: number): number {
  let at = start;
  while (isSpace(bytes[at])) at += 1;
  return at;
}

/** `bytes` without the white space around the value; a view, nothing is copied. */
export function trimSpace(bytes: Uint8Array): Uint8Array {
  const start = spaceEnd(bytes, 0);
  let end = bytes.length;
  while (end > start && isSpace(bytes[end - 1])) end -= 1;
  return start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end);
}

/** Just behind the string whose opening quote is at `start`; the end of the text when it is never closed. */
export function stringEnd(bytes: Uint8Array, start: number): number {
  for (let at = start + 1; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === QUOTE) return at + 1;
    if (byte === BACKSLASH) at += 1;
  }
  return bytes.length;
}

/** Just behind the number that starts at `start` (section 6); null when none does. */
export function numberEnd(bytes: Uint8Array, start: number): number | null {
  const first = bytes[start] === MINUS ? start + 1 : start;
  let at = digitsEnd(bytes, first);
  // A leading zero stands alone.
  if (at === first || (bytes[first] === ZERO && at > first + 1)) return null;
  if (bytes[at] === DOT) {
    const fraction = at + 1;
    at = digitsEnd(bytes, fraction);
    if (at === fraction) return null;
  }
  if (bytes[at] === LOWER_E || bytes[at] === UPPER_E) {
    const sign = bytes[at + 1];
    const exponent = sign === PLUS || sign === MINUS ? at + 2 : at + 1;
    at = digitsEnd(bytes, exponent);
    if (at === exponent) return null;
  }
  return at;
}

function digitsEnd(bytes: Uint8Array, start: number): number {
  let at = start;
  while (isDigit(bytes[at])) at += 1;
  return at;
}

function isDigit(byte: number | undefined): byte is number {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}

/** What stands at a backslash: its length in bytes, half of a surrogate pair, or nothing that JSON knows. */
export function escapeAt(bytes: Uint8Array, at: number): number | 'lone-surrogate' | 'unknown' {
  const kind = bytes[at + 1];
  if (kind !== LOWER_U) return kind !== undefined && ESCAPES.has(kind) ? 2 : 'unknown';
  const unit = unitAt(bytes, at);
  if (unit === null) return 'unknown';
  if (unit < 0xd800 || unit > 0xdfff) return 6;
  const low = unit < 0xdc00 ? unitAt(bytes, at + 6) : null;
  return low !== null && low >= 0xdc00 && low <= 0xdfff ? 12 : 'lone-surrogate';
}

/** The UTF-16 unit that a `\uXXXX` at `at` spells; null when none stands there. */
function unitAt(bytes: Uint8Array, at: number): number | null {
  if (bytes[at] !== BACKSLASH || bytes[at + 1] !== LOWER_U) return null;
  let unit = 0;
  for (let digit = at + 2; digit < at + 6; digit += 1) {
    const value = hexValue(bytes[digit]);
    if (value === null) return null;
    unit = unit * 16 + value;
  }
  return unit;
}

function hexValue(byte: number | undefined): number | null {
  if (isDigit(byte)) return byte - ZERO;
  const letter = ((byte ?? 0) | 0x20) - 0x61;
  return letter >= 0 && letter < 6 ? letter + 10 : null;
}

/** The text of a valid string token, its quotes included in `bytes`. */
export function decodeString(bytes: Uint8Array): string {
  const isPlain = !bytes.includes(BACKSLASH);
  return isPlain ? decodeText(bytes.subarray(1, -1)) : String(JSON.parse(decodeText(bytes)));
}

/** Valid UTF-8 as text, a byte order mark kept. */
export function decodeText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
}
