import { createHash, randomBytes } from 'node:crypto';
import { monotonicFactory } from 'ulid';
import type { Clock } from './clock.ts';

/** A source of random bytes; tests pass a seeded one. */
export type Random = (bytes: number) => Uint8Array;

/** Makes new identifiers from the clock and a random source, so that a test can repeat them. */
export interface Ids {
  /** A ULID, 26 upper-case characters, increasing within this process (github.com/ulid/spec). */
  ulid(): string;
  /** A random UUID, version 4 (RFC 9562 section 5.4). */
  uuid(): string;
}

/** The operating system's random source. */
export const systemRandom: Random = (bytes) => randomBytes(bytes);

/** Identifiers drawn from `clock` and `random`. */
export function createIds(clock: Clock, random: Random = systemRandom): Ids {
  const next = monotonicFactory(() => (random(1)[0] ?? 0) / 256);
  return {
    ulid: () => next(clock.now()),
    uuid: () => formatUuid(random(16), 4),
  };
}

/** The name-based UUID, version 5, of `name` within the namespace UUID (RFC 9562 section 5.5). */
export function uuidV5(namespace: string, name: string | Uint8Array): string {
  const space = Buffer.from(namespace.replaceAll('-', ''), 'hex');
  return formatUuid(createHash('sha1').update(space).update(name).digest(), 5);
}

function formatUuid(source: Uint8Array, version: number): string {
  const bytes = Buffer.from(source.subarray(0, 16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | (version << 4);
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-');
}
