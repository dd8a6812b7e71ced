import { memberSpan } from './spans.ts';
import { CLOSE_BRACE, trimSpace } from './tokens.ts';

/**
 * An object's bytes with one member set to `value` (a text): in its place where it has one, at the end otherwise;
 * every other byte stays. For accepted objects with at least one member.
 */
export function withMember(object: Uint8Array, key: string, value: string): Uint8Array {
  const bytes = trimSpace(object);
  const span = memberSpan(bytes, key);
  const text = JSON.stringify(value);
  if (span !== null) {
    return Buffer.concat([
      bytes.subarray(0, span.start),
      Buffer.from(text),
      bytes.subarray(span.end),
    ]);
  }
  const close = bytes.lastIndexOf(CLOSE_BRACE);
  const added = Buffer.from(`,${JSON.stringify(key)}:${text}}`);
  return Buffer.concat([bytes.subarray(0, close), added]);
}
