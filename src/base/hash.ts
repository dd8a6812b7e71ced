import { hash } from 'node:crypto';

/** Lower-case hexadecimal SHA-256 (64 characters) of bytes, or of the UTF-8 form of a text. */
export function sha256Hex(data: Uint8Array | string): string {
  return hash('sha256', data, 'hex');
}

/**
 * A derived identifier: `prefix_` and the first 32 hex digits of the SHA-256 of the parts joined by NUL,
 * so that no two lists of parts can spell the same text.
 */
export function derivedId(prefix: string, parts: readonly string[]): string {
  return `${prefix}_${sha256Hex(parts.join('\0')).slice(0, 32)}`;
}
