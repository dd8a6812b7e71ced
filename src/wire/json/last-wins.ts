import { elementSpans, memberSpans } from './spans.ts';
import { OPEN_BRACE, OPEN_BRACKET, trimSpace } from './tokens.ts';

/**
 * The document with the last of each repeated key alone, which is what Python's reader makes of it; every other
 * byte of a value stays as it is. What is no readable object or array comes back unchanged. Total.
 */
export function withoutRepeatedKeys(bytes: Uint8Array): Uint8Array {
  return lastWins(trimSpace(bytes), DEEPEST);
}

/** Deeper than any accepted document: beyond it the bytes are left for the reader to refuse. */
const DEEPEST = 100;

function lastWins(bytes: Uint8Array, levels: number): Uint8Array {
  if (levels === 0) return bytes;
  if (bytes[0] === OPEN_BRACE) return objectOf(bytes, levels);
  if (bytes[0] === OPEN_BRACKET) return arrayOf(bytes, levels);
  return bytes;
}

function objectOf(bytes: Uint8Array, levels: number): Uint8Array {
  const members = memberSpans(bytes);
  if (members === null) return bytes;
  const last = new Map<string, Uint8Array>();
  for (const { key, value } of members) {
    last.set(key, lastWins(bytes.subarray(value.start, value.end), levels - 1));
  }
  const parts = [...last].map(([key, value]) =>
    Buffer.concat([Buffer.from(`${JSON.stringify(key)}:`), value]),
  );
  return joined('{', parts, '}');
}

function arrayOf(bytes: Uint8Array, levels: number): Uint8Array {
  const spans = elementSpans(bytes, { start: 0, end: bytes.length });
  if (spans === null) return bytes;
  const parts = spans.map(({ start, end }) => lastWins(bytes.subarray(start, end), levels - 1));
  return joined('[', parts, ']');
}

function joined(open: string, parts: readonly Uint8Array[], close: string): Uint8Array {
  const comma = Buffer.from(',');
  const between = parts.flatMap((part, index) => (index === 0 ? [part] : [comma, part]));
  return Buffer.concat([Buffer.from(open), ...between, Buffer.from(close)]);
}
