import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  composeEnvelope,
  encodeEnvelope,
  ENVELOPE_KEYS,
  type Envelope,
  type EnvelopeParts,
  parseEnvelope,
} from './envelope.ts';
import { parseEventId, parseProjectId, type EventId, type ProjectId } from './ids.ts';
import type { JsonObject, JsonValue } from './json/reader.ts';
import { memberSpan } from './json/spans.ts';
import { MAX_EVENT_BYTES } from './limits.ts';

const ID = '01JMBY7K8N3QRVX2DPFG5HWT4E';
const PROJECT = '550e8400-e29b-41d4-a716-446655440000';

const FIELDS: Readonly<Record<string, JsonValue>> = {
  event_id: ID,
  event_type: 'WPStatusChanged',
  aggregate_id: 'WP01',
  aggregate_type: 'WorkPackage',
  payload: { wp_id: 'WP01' },
  node_id: 'a1b2c3d4e5f6',
  lamport_clock: 7,
  causation_id: null,
  timestamp: '2026-02-12T10:00:00.5+01:00',
  team_slug: 'team',
  project_uuid: PROJECT,
  project_slug: 'project',
  git_branch: 'feature/é',
  head_commit_sha: '0cf3f906f4f979a000cf04c78688a397d69b6a37',
  repo_slug: 'acme/project',
};

const ENVELOPE: Omit<Envelope, 'eventId' | 'projectUuid'> = {
  eventType: 'WPStatusChanged',
  aggregateId: 'WP01',
  aggregateType: 'WorkPackage',
  payload: { wp_id: 'WP01' },
  nodeId: 'a1b2c3d4e5f6',
  lamportClock: 7,
  causationId: null,
  timestamp: '2026-02-12T10:00:00.5+01:00',
  occurredAt: Date.UTC(2026, 1, 12, 9, 0, 0, 500),
  teamSlug: 'team',
  projectSlug: 'project',
  gitBranch: 'feature/é',
  headCommitSha: '0cf3f906f4f979a000cf04c78688a397d69b6a37',
  repoSlug: 'acme/project',
};

function bytesOf(fields: Readonly<Record<string, JsonValue>>): Buffer {
  return Buffer.from(JSON.stringify(fields));
}

function issuesOf(bytes: Uint8Array): readonly (readonly [string, string])[] {
  const parsed = parseEnvelope(bytes);
  return parsed.ok ? [] : parsed.error.map(({ pointer, rule }) => [pointer, rule] as const);
}

describe('parseEnvelope', () => {
  it('reads the fifteen fields', () => {
    const bytes = bytesOf(FIELDS);
    expect(parseEnvelope(bytes)).toEqual({
      ok: true,
      value: {
        envelope: { ...ENVELOPE, eventId: ID, projectUuid: PROJECT },
        bytes,
        sha256: createHash('sha256').update(bytes).digest('hex'),
      },
    });
  });

  it('keeps the bytes, without the white space around them', () => {
    const inner = Buffer.from(JSON.stringify({ ...FIELDS, extra: 1 }, null, 2));
    const parsed = parseEnvelope(
      Buffer.concat([Buffer.from(' \r\n\t'), inner, Buffer.from('\n ')]),
    );
    expect(parsed.ok && Buffer.from(parsed.value.bytes).equals(inner)).toBe(true);
    expect(parsed.ok && parsed.value.sha256).toBe(createHash('sha256').update(inner).digest('hex'));
  });

  it('keeps members that a producer added and members in any order', () => {
    const later = {
      drain_blocked_reason: 'no_auth',
      schema_version: '3.0.0',
      build_id: '',
      correlation_id: 7,
      ...Object.fromEntries(Object.entries(FIELDS).reverse()),
      type: 'event',
    };
    const parsed = parseEnvelope(bytesOf(later));
    expect(parsed.ok && Buffer.from(parsed.value.bytes).toString()).toBe(JSON.stringify(later));
    expect(parsed.ok && parsed.value.envelope).toEqual({
      ...ENVELOPE,
      eventId: ID,
      projectUuid: PROJECT,
    });
  });

  it('reads an absent optional field as null', () => {
    const optional = [
      'causation_id',
      'team_slug',
      'project_uuid',
      'project_slug',
      'git_branch',
      'head_commit_sha',
      'repo_slug',
    ];
    const kept = Object.entries(FIELDS).filter(([key]) => !optional.includes(key));
    const parsed = parseEnvelope(bytesOf(Object.fromEntries(kept)));
    expect(parsed.ok && parsed.value.envelope).toMatchObject({
      causationId: null,
      teamSlug: null,
      projectUuid: null,
      projectSlug: null,
      gitBranch: null,
      headCommitSha: null,
      repoSlug: null,
    });
  });

  it.each([
    ['event_id', 'x'.repeat(26).replaceAll('x', 'z')],
    ['event_id', PROJECT],
    ['event_id', PROJECT.replaceAll('-', '')],
    ['causation_id', ID],
    ['project_uuid', PROJECT.toUpperCase()],
    ['aggregate_type', 'Feature'],
    ['aggregate_type', 'MissionDossier'],
    ['aggregate_id', '091-déjà vu:tasks/WP01 – x.md'],
    ['event_type', 'retrospective.completed'],
    ['lamport_clock', 0],
    ['lamport_clock', Number.MAX_SAFE_INTEGER],
    ['payload', {}],
    ['team_slug', ''],
    ['git_branch', null],
  ])('accepts %s %j', (key, value) => {
    expect(issuesOf(bytesOf({ ...FIELDS, [key]: value }))).toEqual([]);
  });

  it.each<[string, JsonValue, string]>([
    ['event_id', '', 'empty'],
    ['event_id', 'WP01', 'not-an-id'],
    ['event_id', 7, 'wrong-type'],
    ['event_id', null, 'wrong-type'],
    ['event_id', ['x'], 'wrong-type'],
    ['event_id', 'x'.repeat(129), 'too-long'],
    ['event_type', '', 'empty'],
    ['event_type', 'WP Created', 'not-ascii'],
    ['event_type', 'WPCréated', 'not-ascii'],
    ['event_type', 'x'.repeat(129), 'too-long'],
    ['aggregate_type', false, 'wrong-type'],
    ['aggregate_type', '\u007f', 'control-character'],
    ['aggregate_id', '', 'empty'],
    ['aggregate_id', 'a\u0000b', 'control-character'],
    ['aggregate_id', 'a\nb', 'control-character'],
    ['aggregate_id', 'x'.repeat(2049), 'too-long'],
    ['node_id', 'nöde', 'not-ascii'],
    ['payload', null, 'wrong-type'],
    ['payload', [], 'wrong-type'],
    ['payload', '{}', 'wrong-type'],
    ['lamport_clock', -1, 'out-of-range'],
    ['lamport_clock', 1.5, 'out-of-range'],
    ['lamport_clock', '1', 'out-of-range'],
    ['lamport_clock', null, 'out-of-range'],
    ['lamport_clock', Number.MAX_SAFE_INTEGER + 1, 'out-of-range'],
    ['causation_id', 'because', 'not-an-id'],
    ['causation_id', 1, 'wrong-type'],
    ['timestamp', '', 'empty'],
    ['timestamp', '2026-02-12T10:00:00', 'not-a-timestamp'],
    ['timestamp', '2026-02-30T10:00:00Z', 'not-a-timestamp'],
    ['timestamp', 1_770_000_000, 'wrong-type'],
    ['project_uuid', '', 'not-a-uuid'],
    ['project_uuid', ID, 'not-a-uuid'],
    ['project_uuid', {}, 'wrong-type'],
    ['team_slug', 7, 'wrong-type'],
    ['project_slug', 'a\u001bb', 'control-character'],
    ['git_branch', [], 'wrong-type'],
    ['head_commit_sha', 'x'.repeat(2049), 'too-long'],
    ['repo_slug', true, 'wrong-type'],
  ])('refuses %s %j as %s', (key, value, rule) => {
    const issues = issuesOf(bytesOf({ ...FIELDS, [key]: value }));
    expect(issues).toEqual([[`/${key}`, rule]]);
  });

  it('answers every issue at once, in the order of the fields', () => {
    expect(issuesOf(bytesOf({ event_type: '', timestamp: 'soon', repo_slug: 1 }))).toEqual([
      ['/event_id', 'required'],
      ['/event_type', 'empty'],
      ['/aggregate_id', 'required'],
      ['/aggregate_type', 'required'],
      ['/payload', 'required'],
      ['/node_id', 'required'],
      ['/lamport_clock', 'required'],
      ['/timestamp', 'not-a-timestamp'],
      ['/repo_slug', 'wrong-type'],
    ]);
  });

  it('says it in words', () => {
    expect(parseEnvelope(bytesOf({ ...FIELDS, lamport_clock: -1 }))).toEqual({
      ok: false,
      error: [
        {
          pointer: '/lamport_clock',
          rule: 'out-of-range',
          message: 'lamport_clock must be an integer from 0 to 2^53 - 1',
        },
      ],
    });
  });

  it.each([
    ['', '', 'invalid-json'],
    ['[]', '', 'wrong-type'],
    ['null', '', 'wrong-type'],
    ['"event"', '', 'wrong-type'],
    ['{} {}', '', 'invalid-json'],
    ['{"payload":{"a":1,"a":2}}', '/payload/a', 'duplicate-key'],
    ['{"payload":{"a":"\\ud800"}}', '/payload/a', 'lone-surrogate'],
    [`{"payload":${'['.repeat(64)}`, `/payload${'/0'.repeat(63)}`, 'too-deep'],
    ['\ufeff{}', '', 'byte-order-mark'],
  ])('refuses the document %j', (text, pointer, rule) => {
    expect(issuesOf(Buffer.from(text))).toEqual([[pointer, rule]]);
  });

  it('accepts an event that fills a batch of the default size, and nothing longer', () => {
    const frame = bytesOf({ ...FIELDS, payload: { text: '' } }).length;
    const sized = (bytes: number): Buffer =>
      bytesOf({ ...FIELDS, payload: { text: 'x'.repeat(bytes - frame) } });
    expect(sized(MAX_EVENT_BYTES)).toHaveLength(MAX_EVENT_BYTES);
    expect(issuesOf(sized(MAX_EVENT_BYTES))).toEqual([]);
    expect(issuesOf(sized(MAX_EVENT_BYTES + 1))).toEqual([['', 'too-large']]);
  });

  it('takes nothing from a prototype', () => {
    const hostile = `{"__proto__":${JSON.stringify(FIELDS)},"constructor":{"prototype":{"polluted":1}}}`;
    const issues = issuesOf(Buffer.from(hostile));
    expect(issues.filter(([, rule]) => rule === 'required')).toHaveLength(8);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('never throws', () => {
    const key = fc.constantFrom(...ENVELOPE_KEYS);
    const change = fc.dictionary(key, fc.jsonValue(), { maxKeys: 4 });
    fc.assert(
      fc.property(change, fc.uint8Array({ maxLength: 20 }), fc.nat(), (fields, noise, seed) => {
        const bytes = bytesOf({ ...FIELDS, ...(fields as Readonly<Record<string, JsonValue>>) });
        const at = seed % bytes.length;
        for (const input of [bytes, noise, Buffer.concat([bytes.subarray(0, at), noise])]) {
          const parsed = parseEnvelope(input);
          expect(parsed.ok || parsed.error.length > 0).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

function eventId(text: string): EventId {
  const id = parseEventId(text);
  if (id === null) throw new Error(`${text} is no event id`);
  return id;
}

function projectId(text: string): ProjectId {
  const id = parseProjectId(text);
  if (id === null) throw new Error(`${text} is no project id`);
  return id;
}

const PARTS: EnvelopeParts = {
  ...ENVELOPE,
  eventId: eventId(ID),
  projectUuid: projectId(PROJECT),
  payload: Buffer.from('{"wp_id":"WP01"}'),
};

describe('encodeEnvelope', () => {
  it('writes exactly the fifteen fields in contract order, compact', () => {
    expect(encodeEnvelope(PARTS).toString()).toBe(JSON.stringify(FIELDS));
    expect(Object.keys(FIELDS)).toEqual([...ENVELOPE_KEYS]);
  });

  it.each([
    '{"n":1.0,"big":12345678901234567890,"huge":1e400,"minus":-0}',
    '{"s":"\\u00e9\\/\\ud83d\\ude80é\\u0000","10":1,"9":2}',
    '{ "spaced" : [ 1 , 2 ]\n}',
    '{"__proto__":{"a":1}}',
    '{}',
  ])('splices the payload %s in byte by byte', (payload) => {
    const bytes = encodeEnvelope({ ...PARTS, payload: Buffer.from(`\n ${payload}\t`) });
    expect(bytes).toEqual(encodeEnvelope({ ...PARTS, payload: Buffer.from(payload) }));
    const span = memberSpan(bytes, 'payload');
    expect(bytes.subarray(span?.start, span?.end).toString()).toBe(payload);
    const parsed = parseEnvelope(bytes);
    expect(parsed.ok && Buffer.from(parsed.value.bytes).equals(bytes)).toBe(true);
  });

  it('is read back by parseEnvelope as it was given', () => {
    const text = fc.string({ maxLength: 40, unit: 'grapheme' }).filter(isPlain);
    const maybe = fc.option(text);
    const name = fc.string({
      minLength: 1,
      maxLength: 40,
      unit: fc.constantFrom(...Array.from('aZ09.:_-~!"\\')),
    });
    const parts = fc.record<EnvelopeParts>({
      eventId: fc.ulid().map(eventId),
      eventType: name,
      aggregateId: text.filter((each) => each !== ''),
      aggregateType: name,
      payload: fc
        .dictionary(text, fc.jsonValue(), { maxKeys: 5 })
        .filter(isWellFormed)
        .map(bytesFrom),
      nodeId: name,
      lamportClock: fc.maxSafeNat(),
      causationId: fc.option(fc.uuid()),
      timestamp: fc
        .date({ min: new Date('1000-01-01'), noInvalidDate: true, max: new Date('9999-01-01') })
        .map((date) => date.toISOString()),
      teamSlug: maybe,
      projectUuid: fc.option(fc.uuid().map(projectId)),
      projectSlug: maybe,
      gitBranch: maybe,
      headCommitSha: maybe,
      repoSlug: maybe,
    });
    fc.assert(
      fc.property(parts, (given) => {
        const bytes = encodeEnvelope(given);
        const parsed = parseEnvelope(bytes);
        expect(parsed.ok ? [] : parsed.error).toEqual([]);
        if (!parsed.ok) return;
        const payload = JSON.parse(Buffer.from(given.payload).toString()) as JsonValue;
        const occurredAt = Date.parse(given.timestamp);
        expect(parsed.value.envelope).toEqual({ ...given, payload, occurredAt });
      }),
      { numRuns: 500 },
    );
  });
});

describe('composeEnvelope', () => {
  it('says of a payload at hand what parseEnvelope says of the written bytes', () => {
    const payload = fc.oneof(
      fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ stringUnit: 'binary' })),
      fc.constantFrom<JsonObject>(
        { text: '\ud800 alone' },
        { text: '\u0000' },
        { list: Array.from({ length: 10_001 }, () => ({ n: 1 })) },
        JSON.parse(`{"deep":${'['.repeat(70)}${']'.repeat(70)}}`) as JsonObject,
        JSON.parse('{"__proto__":{"a":1}}') as JsonObject,
      ),
    );
    const text = fc.string({ unit: 'binary', maxLength: 40 });
    const parts = fc.record({
      eventId: fc.oneof(fc.ulid(), text) as fc.Arbitrary<EventId>,
      aggregateId: text,
      nodeId: text,
      lamportClock: fc.oneof(fc.maxSafeNat(), fc.double()),
      timestamp: fc.oneof(fc.constant(ENVELOPE.timestamp), text),
      gitBranch: fc.option(text),
    });
    fc.assert(
      fc.property(parts, payload, (change, value) => {
        const given = { ...PARTS, ...change };
        const composed = composeEnvelope(given, value as JsonObject);
        const bytes = encodeEnvelope({ ...given, payload: bytesFrom(value) });
        const parsed = parseEnvelope(bytes);
        expect(JSON.stringify(composed)).toBe(JSON.stringify(parsed));
      }),
      { numRuns: 1_000 },
    );
  });
});

function isPlain(text: string): boolean {
  // oxlint-disable-next-line no-control-regex
  return !/[\u0000-\u001f\u007f]/.test(text);
}

function isWellFormed(value: unknown): boolean {
  return !/\\ud[89a-f]/.test(JSON.stringify(value));
}

function bytesFrom(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}
