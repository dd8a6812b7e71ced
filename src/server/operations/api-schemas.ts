import {
  ENVELOPE_KEYS,
  type EnvelopeKey,
  EVENT_TYPES,
  type JsonSchema,
  payloadSchemas,
  TERMINAL_CODES,
} from '../../wire/index.ts';

export const text: JsonSchema = { type: 'string' };
export const count: JsonSchema = { type: 'integer', minimum: 0 };
const nullable: JsonSchema = { type: ['string', 'null'] };
const uuid: JsonSchema = { type: 'string', format: 'uuid' };
export const hash: JsonSchema = { type: 'string', pattern: '^[0-9a-fA-F]{64}$' };

export function listOf(items: JsonSchema): JsonSchema {
  return { type: 'array', items };
}

export function objectOf(
  properties: Readonly<Record<string, JsonSchema>>,
  required: readonly string[] = Object.keys(properties),
): JsonSchema {
  return { type: 'object', properties, required };
}

export function ref(name: string): JsonSchema {
  return { $ref: `#/components/schemas/${name}` };
}

/** The members of an envelope; which of them must be there is what the receiver asks for. */
const ENVELOPE: Readonly<Partial<Record<EnvelopeKey, JsonSchema>>> = {
  event_id: { ...text, description: 'a ULID, a UUID or 32 hexadecimal digits' },
  event_type: text,
  aggregate_id: text,
  aggregate_type: text,
  payload: { type: 'object', description: 'by event_type: see the schemas named Payload…' },
  node_id: text,
  lamport_clock: count,
  causation_id: nullable,
  timestamp: { ...text, format: 'date-time' },
  project_uuid: uuid,
};
const ASKED_FOR: readonly EnvelopeKey[] = [
  'event_id',
  'event_type',
  'payload',
  'timestamp',
  'project_uuid',
];

function envelopeSchema(): JsonSchema {
  const members = ENVELOPE_KEYS.map((key) => [key, ENVELOPE[key] ?? {}] as const);
  return objectOf(Object.fromEntries(members), ASKED_FOR);
}

/** Every schema that has a name: the payloads are those that events are judged by. */
export function namedSchemas(): Readonly<Record<string, JsonSchema>> {
  const payloads = EVENT_TYPES.map((type) => {
    const [only = {}, ...others] = payloadSchemas(type);
    return [`Payload${type}`, others.length === 0 ? only : { anyOf: [only, ...others] }] as const;
  });
  return {
    Error: objectOf({ error: text, error_code: text, server_instance_id: text }),
    Envelope: envelopeSchema(),
    Result: objectOf(
      {
        event_id: text,
        status: { enum: ['success', 'duplicate', 'conflict', 'rejected'] },
        sha256: hash,
        category: text,
        error: text,
        error_category: { enum: [...TERMINAL_CODES] },
      },
      ['event_id', 'status', 'sha256'],
    ),
    Page: objectOf({
      items: listOf({ type: 'object' }),
      next_cursor: { type: ['integer', 'string', 'null'] },
      server_instance_id: text,
    }),
    ...Object.fromEntries(payloads),
  };
}
