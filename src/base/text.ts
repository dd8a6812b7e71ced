const MAX_BYTES = 2048;
const CUT = '…';
const CUT_BYTES = 3;

/**
 * A foreign text (server message, path, slug, branch) made safe to show: control characters in caret
 * notation, line breaks and direction overrides escaped, cut to `maxBytes` of UTF-8.
 */
export function printable(text: string, maxBytes = MAX_BYTES): string {
  let shown = '';
  let bytes = 0;
  /** The longest beginning that leaves room for the mark of a cut. */
  let kept = '';
  for (const char of text) {
    const safe = safeChar(char);
    bytes += Buffer.byteLength(safe);
    if (bytes > maxBytes) return kept + CUT;
    shown += safe;
    if (bytes <= maxBytes - CUT_BYTES) kept = shown;
  }
  return shown;
}

function safeChar(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  if (code < 0x20) return `^${String.fromCodePoint(code + 0x40)}`;
  if (code === 0x7f) return '^?';
  if (isUnsafe(code)) return `\\u{${code.toString(16)}}`;
  return char;
}

/** C1 controls, line and paragraph separators, bidirectional controls, byte order mark, lone surrogates. */
function isUnsafe(code: number): boolean {
  return (
    (code >= 0x80 && code <= 0x9f) ||
    code === 0x061c ||
    code === 0x200e ||
    code === 0x200f ||
    (code >= 0x2028 && code <= 0x202e) ||
    (code >= 0x2066 && code <= 0x2069) ||
    code === 0xfeff ||
    (code >= 0xd800 && code <= 0xdfff)
  );
}

/** A text as one word of a command line that is typed into a POSIX shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
