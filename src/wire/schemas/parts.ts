import * as z from 'zod/mini';
import { parseTimestamp } from '../timestamp.ts';

// The vocabulary that payload schemas share (wire contract 5). An open object ignores members it does not name; a
// closed one (`¡` in the contract) refuses them.

export type Schema = z.ZodMiniType;

/** A schema that is built when it is first asked for: a process pays only for the types it meets. */
export function lazily(build: () => Schema): () => Schema {
  let built: Schema | null = null;
  return () => {
    built ??= build();
    return built;
  };
}

export const open = z.object;
export const closed = z.strictObject;
export const list = z.array;
export const oneOf = z.enum;
export const flag = z.boolean();

/** Absent, null or `schema`. */
export const maybe = z.nullish;

export const text = z.string().check(z.minLength(1));
export const anyText = z.string();
export const wpId = matching(/^WP\d{2}$/);
export const sha256 = matching(/^[0-9a-fA-F]{64}$/);
export const integer = z.int();
export const count = z.int().check(z.gte(0));
export const ordinal = z.int().check(z.gte(1));
export const amount = z.number().check(z.gte(0));
export const fraction = z.number().check(z.gte(0), z.lte(1));
export const anyObject = z.record(z.string(), z.unknown());

/** A string of that form. */
export function matching(pattern: RegExp): z.ZodMiniString {
  return z.string().check(z.regex(pattern));
}

export const instant = z
  .string()
  .check(
    rule(
      'not-a-timestamp',
      (value: string) => parseTimestamp(value) !== null,
      'must be an ISO 8601 date and time with a time zone',
    ),
  );

/** Whoever acted: a name, or an object that says more (wire contract 4.4). */
export const actor = z
  .unknown()
  .check(rule('wrong-type', isActor, 'must be a text or an object, and not empty'));

/** Present and not null; the contract says no more about it. */
export const something = z
  .unknown()
  .check(rule('wrong-type', (value) => (value ?? null) !== null, 'must not be null'));

function isActor(value: unknown): boolean {
  if (typeof value === 'string') return value.trim() !== '';
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.keys(value).length > 0
  );
}

/** A check of ours; its code becomes the rule, and `path` says which member is to blame. */
export function rule<T>(
  code: string,
  holds: (value: T) => boolean,
  message: string,
  path: string[] = [],
): z.core.$ZodCheck<T> {
  return z.refine(holds, { error: message, params: { rule: code }, path });
}
