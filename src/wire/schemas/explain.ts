import * as z from 'zod/mini';
import { assert } from '../../base/index.ts';
import { type Issue, jsonPointer } from '../json/issue.ts';
import { asArray, asObject, type JsonObject, type JsonValue, member } from '../json/reader.ts';
import type { Schema } from './parts.ts';

type Finding = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

interface Reason {
  readonly rule: string;
  readonly message: string;
}

/** What a schema finds in a payload, as issues with pointers; empty when nothing. */
export function explain(schema: Schema, payload: JsonObject): readonly Issue[] {
  const parsed = z.safeParse(schema, payload);
  return parsed.success ? [] : parsed.error.issues.flatMap((found) => toIssues(found, payload));
}

function toIssues(found: Finding, payload: JsonObject): readonly Issue[] {
  if (found.code === 'unrecognized_keys') {
    const reason = { rule: 'unknown-member', message: 'is not a member of this payload' };
    return found.keys.map((key) => toIssue([...found.path, key], reason));
  }
  const reason = reasonOf(found);
  const isMissing = SHAPE_RULES.has(reason.rule) && valueAt(payload, found.path) === undefined;
  return [toIssue(found.path, isMissing ? MISSING : reason)];
}

const MISSING: Reason = { rule: 'required', message: 'is missing' };

/** The rules that a member also breaks by not being there. */
const SHAPE_RULES: ReadonlySet<string> = new Set(['wrong-type', 'not-allowed']);

function toIssue(path: Path, { rule, message }: Reason): Issue {
  const name = path.length === 0 ? 'the payload' : path.join('.');
  return { pointer: jsonPointer(path), rule, message: `${name} ${message}` };
}

function reasonOf(found: Finding): Reason {
  switch (found.code) {
    case 'invalid_type':
      return { rule: 'wrong-type', message: `must be of type ${found.expected}` };
    case 'invalid_value':
      return { rule: 'not-allowed', message: `must be one of ${found.values.join(', ')}` };
    case 'invalid_format':
      return { rule: 'wrong-form', message: `must match ${String(found.pattern)}` };
    case 'too_small':
      return found.origin === 'string'
        ? { rule: 'empty', message: 'must not be empty' }
        : { rule: 'out-of-range', message: `must be at least ${found.minimum}` };
    case 'too_big':
      return { rule: 'out-of-range', message: `must not exceed ${found.maximum}` };
    default:
      assert(
        found.code === 'custom',
        `a payload schema must not use a check of kind ${found.code}`,
      );
      return { rule: String(found.params?.['rule']), message: found.message };
  }
}

function valueAt(payload: JsonObject, path: Path): JsonValue | undefined {
  let value: JsonValue | undefined = payload;
  for (const step of path) {
    const object = asObject(value);
    value = object === null ? asArray(value)?.[Number(step)] : member(object, String(step));
  }
  return value;
}
