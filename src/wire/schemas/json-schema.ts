import * as z from 'zod/mini';
import type { Schema } from './parts.ts';

/** A JSON Schema (2020-12) as plain data. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** What a payload schema says, as far as a JSON Schema can say it: rules over several members are left out. */
export function toJsonSchema(schema: Schema): JsonSchema {
  const { $schema: _dialect, ...said } = z.toJSONSchema(schema, {
    unrepresentable: 'any',
    io: 'input',
  });
  return said;
}
