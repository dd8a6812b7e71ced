import fs from 'node:fs';
import path from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assert, uuidV5 } from '../base/index.ts';
import {
  asObject,
  encodeEnvelope,
  ENVELOPE_KEYS,
  MAX_EVENT_BYTES,
  memberSpan,
  parseEnvelope,
  parseProjectId,
  type Issue,
  type JsonValue,
  type ProjectId,
} from '../wire/index.ts';
import { mapLine, type Mapped } from './lines.ts';

const SAMPLES = path.resolve(import.meta.dirname, '../../../shared/samples/kitty-specs');
const PROJECT = projectId('3f2b8c64-9d0e-4a51-8c77-2b1f6e5d4c3a');
const OTHER_PROJECT = projectId('8a4a7da6-a97c-4bb4-893a-b31664abfee4');
const ID = '01KND0KF02PF5FSWMWDGGG9EH6';
const AT = '2026-04-04T19:48:00.642740+00:00';
const LANE = `{"actor": "claude", "at": "${AT}", "event_id": "${ID}", "from_lane": "planned", "to_lane": "claimed", "wp_id": "WP01"}`;

function projectId(text: string): ProjectId {
  const id = parseProjectId(text);
  assert(id !== null, 'the tests name a project');
  return id;
}

function map(line: string | Uint8Array, project = PROJECT): Mapped {
  const mapped = mapLine(typeof line === 'string' ? Buffer.from(line) : line, project);
  assert(mapped.ok, mapped.ok ? '' : `${mapped.error.pointer} ${mapped.error.message}`);
  return mapped.value;
}

function issueOf(line: string | Uint8Array): Issue {
  const mapped = mapLine(typeof line === 'string' ? Buffer.from(line) : line, PROJECT);
  assert(!mapped.ok, 'the line is refused');
  return mapped.error;
}

function textOf(mapped: Mapped): string {
  return Buffer.from(mapped.event.bytes).toString();
}

function payloadText(mapped: Mapped): string {
  const span = memberSpan(mapped.event.bytes, 'payload');
  assert(span !== null, 'an envelope has a payload');
  return Buffer.from(mapped.event.bytes.subarray(span.start, span.end)).toString();
}

function lineOfSize(chars: number): string {
  return `{"type":"X","at":"${AT}","a":"${'x'.repeat(chars)}"}`;
}

/** A line of members whose values are JSON already. */
function lineOf(members: readonly (readonly [string, string])[]): string {
  return `{${members.map(([key, value]) => `${JSON.stringify(key)}: ${value}`).join(' , ')}}`;
}

function keysOf(mapped: Mapped): readonly string[] {
  return Object.keys(JSON.parse(textOf(mapped)) as object);
}

describe('a lane line', () => {
  it('becomes a status change of its work package, byte for byte', () => {
    expect(textOf(map(LANE))).toBe(
      `{"event_id":"${ID}","event_type":"WPStatusChanged","aggregate_id":"WP01","aggregate_type":"WorkPackage",` +
        '"payload":{"actor":"claude","from_lane":"planned","to_lane":"claimed","wp_id":"WP01"},' +
        '"node_id":"000000000000","lamport_clock":0,"causation_id":null,' +
        `"timestamp":"${AT}","team_slug":null,"project_uuid":"${PROJECT}","project_slug":null,` +
        '"git_branch":null,"head_commit_sha":null,"repo_slug":null}',
    );
  });

  it('is one even when it names a type, and keeps that name in the payload', () => {
    const mapped = map(LANE.replace('{', '{"event_type":"X","payload":{"a":1},'));
    expect(mapped.event.envelope.eventType).toBe('WPStatusChanged');
    expect(mapped.event.envelope.payload).toMatchObject({ event_type: 'X', payload: { a: 1 } });
  });

  it.each(['"wp_id": null', '"wp_id": ""', '"wp_id": 1', '"wp": "WP01"'])(
    'without a work package is refused: %s',
    (member) => {
      expect(issueOf(LANE.replace('"wp_id": "WP01"', member)).pointer).toBe('/wp_id');
    },
  );
});

describe('a line with its own payload', () => {
  const line =
    `{"aggregate_id": "WP02", "aggregate_type": "WorkPackage", "event_id": "${ID}", "event_type": "WPCreated", ` +
    `"payload": {"wp_title": "a, b",  "n": 1.0}, "project_slug": "kitty", "schema_version": "5.0.0", "timestamp": "${AT}"}`;

  it('keeps type, aggregate and the very bytes of its payload', () => {
    const mapped = map(line);
    expect(mapped.event.envelope).toMatchObject({
      eventType: 'WPCreated',
      aggregateType: 'WorkPackage',
      aggregateId: 'WP02',
      projectSlug: 'kitty',
    });
    expect(payloadText(mapped)).toBe('{"wp_title": "a, b",  "n": 1.0}');
  });

  it('keeps what the envelope has no field for behind the fifteen fields', () => {
    expect(keysOf(map(line))).toEqual([...ENVELOPE_KEYS, 'schema_version']);
    const own = line.replace('"schema_version": "5.0.0"', '"node_id": "mine"');
    expect(keysOf(map(own))).toEqual([...ENVELOPE_KEYS]);
    expect(map(own).event.envelope.nodeId).toBe('000000000000');
  });

  it('may spell its time `at` and name a mission instead of an aggregate', () => {
    const mapped = map(
      `{"at":"${AT}","event_id":"${ID}","event_type":"DecisionPointOpened","payload":{"mission_slug":"demo"}}`,
    );
    expect(mapped.event.envelope).toMatchObject({
      aggregateType: 'Mission',
      aggregateId: 'demo',
      timestamp: AT,
    });
    expect(keysOf(mapped)).toEqual([...ENVELOPE_KEYS]);
  });

  it('may spell its type `event_name`', () => {
    const mapped = map(
      `{"actor":{"id":"x"},"at":"${AT}","event_id":"${ID}","event_name":"retrospective.requested","mission_id":"M","payload":{}}`,
    );
    expect(mapped.event.envelope).toMatchObject({
      eventType: 'retrospective.requested',
      aggregateId: 'M',
    });
    expect(keysOf(mapped)).toEqual([...ENVELOPE_KEYS, 'actor', 'mission_id']);
  });

  it('takes `timestamp` for the time when it has both', () => {
    const mapped = map(line.replace('{', '{"at": "2020-01-01T00:00:00Z", '));
    expect(mapped.event.envelope.timestamp).toBe(AT);
    expect(textOf(mapped)).toContain(',"at":"2020-01-01T00:00:00Z","schema_version":"5.0.0"}');
  });
});

describe('a line with a type only', () => {
  it('becomes an event of that type with its other members as payload', () => {
    const mapped = map(
      `{"mission": "software-dev", "payload": {"a": 1}, "timestamp": "${AT}", "type": "MissionNextInvoked"}`,
    );
    expect(mapped.event.envelope).toMatchObject({
      eventType: 'MissionNextInvoked',
      aggregateType: 'Mission',
      aggregateId: 'software-dev',
    });
    expect(payloadText(mapped)).toBe('{"mission":"software-dev","payload":{"a": 1}}');
  });

  it('may have nothing else', () => {
    const mapped = map(`{"type":"Heartbeat","at":"${AT}"}`);
    expect(payloadText(mapped)).toBe('{}');
    expect(mapped.event.envelope.aggregateId).toBe('unknown');
  });

  it('is also one with an `event_type` and no payload object', () => {
    const mapped = map(`{"event_type":"X","payload":"text","type":"Y","at":"${AT}"}`);
    expect(mapped.event.envelope.eventType).toBe('X');
    expect(payloadText(mapped)).toBe('{"payload":"text","type":"Y"}');
  });

  it('takes the Lamport clock, team, branch, commit, repository, slug and cause that it states', () => {
    const mapped = map(
      `{"type":"X","at":"${AT}","lamport":7,"team_slug":"t","git_branch":"b","head_commit_sha":"c",` +
        `"repo_slug":"r","project_slug":"p","causation_id":"${ID}"}`,
    );
    expect(mapped.event.envelope).toMatchObject({
      lamportClock: 7,
      teamSlug: 't',
      gitBranch: 'b',
      headCommitSha: 'c',
      repoSlug: 'r',
      projectSlug: 'p',
      causationId: ID,
    });
  });
});

it('an annotation becomes an inner state change of its work package', () => {
  const mapped = map(
    `{"actor":"claude","at":"${AT}","delta":{"shell_pid":42},"event_id":"${ID}","kind":"annotation","wp_id":"WP03"}`,
  );
  expect(mapped.event.envelope).toMatchObject({
    eventType: 'InnerStateChanged',
    aggregateType: 'WorkPackage',
    aggregateId: 'WP03',
  });
  expect(mapped.event.envelope.payload).toMatchObject({ delta: { shell_pid: 42 } });
});

describe('the bytes of a payload', () => {
  it.each([
    '1.0',
    '1e400',
    '-0',
    '12345678901234567890.10',
    String.raw`"\u0041\/\u00e9\ud83d\ude00"`,
    String.raw`"a\u0000b"`,
    '"é😀 "',
    '[ 1 ,{ "deep" :  [ ] } ]',
    '{ "to_lane": "x", "event_id": "y" }',
  ])('stay as they are: %s', (value) => {
    const lane = LANE.replace('"claude"', value);
    expect(payloadText(map(lane))).toBe(
      `{"actor":${value},"from_lane":"planned","to_lane":"claimed","wp_id":"WP01"}`,
    );
    const own = `{"event_type":"X","at":"${AT}","payload":{"v" : ${value}}}`;
    expect(payloadText(map(own))).toBe(`{"v" : ${value}}`);
  });

  it('keep the spelling and the order of keys', () => {
    const line = LANE.replace('"actor"', String.raw`"\u0061ctor": 1, "2": 2, "1": 3, "__proto__"`);
    const rest = '"from_lane":"planned","to_lane":"claimed","wp_id":"WP01"';
    expect(payloadText(map(line))).toBe(
      String.raw`{"\u0061ctor":1,"2":2,"1":3,"__proto__":"claude",${rest}}`,
    );
  });

  it('recognise a member whose key is spelled with an escape', () => {
    const mapped = map(LANE.replace('"event_id"', String.raw`"event\u005fid"`));
    expect(mapped.event.envelope.eventId).toBe(ID);
    expect(payloadText(mapped)).not.toContain(ID);
  });
});

describe('identity', () => {
  it('is kept as the line spells it', () => {
    for (const id of [ID.toLowerCase(), '0F8FAD5BD9CB469FA16570867728950E']) {
      expect(map(LANE.replace(ID, id)).event.envelope.eventId).toBe(id);
    }
  });

  it.each(['', `"event_id": null, `])(
    'is derived from project and line when there is none',
    (own) => {
      const line = LANE.replace(`"event_id": "${ID}", `, own);
      const mapped = map(`  ${line}\r`);
      expect(mapped.event.envelope.eventId).toBe(uuidV5(PROJECT, line));
      expect(map(line, OTHER_PROJECT).event.envelope.eventId).toBe(uuidV5(OTHER_PROJECT, line));
    },
  );

  it('of another project is noted, and the event is this project’s', () => {
    const line = LANE.replace('{', `{"project_uuid": "${OTHER_PROJECT}", `);
    expect(map(line).statedProjectId).toBe(OTHER_PROJECT);
    expect(map(line).event.envelope.projectUuid).toBe(PROJECT);
    expect(map(line, OTHER_PROJECT).statedProjectId).toBeNull();
    expect(map(line.replace(OTHER_PROJECT, PROJECT.toUpperCase())).statedProjectId).toBeNull();
    expect(map(LANE.replace('{', '{"project_uuid": null, ')).statedProjectId).toBeNull();
    const long = map(LANE.replace('{', `{"project_uuid": "${'x'.repeat(500)}", `));
    expect(long.statedProjectId).toHaveLength(128);
  });
});

describe('a line is refused', () => {
  it.each([
    ['not JSON', 'to_lane', 'invalid-json', ''],
    ['not an object', '["to_lane"]', 'not-an-object', ''],
    ['without lane or type', `{"at":"${AT}"}`, 'unknown-shape', ''],
    ['of an unknown kind', `{"kind":"mystery","wp_id":"WP01","at":"${AT}"}`, 'unknown-shape', ''],
    ['without a time', '{"type":"X"}', 'no-time', ''],
    ['with a time of no zone', `{"type":"X","at":"2026-04-04T19:48:00"}`, 'not-a-timestamp', '/at'],
    [
      'with an impossible day',
      '{"type":"X","timestamp":"2026-02-30T00:00:00Z"}',
      'not-a-timestamp',
      '/timestamp',
    ],
    ['with a time that is a number', '{"type":"X","at":1}', 'not-a-text', '/at'],
    [
      'with an id that is none',
      `{"type":"X","at":"${AT}","event_id":"1"}`,
      'not-an-id',
      '/event_id',
    ],
    [
      'with a clock below zero',
      `{"type":"X","at":"${AT}","lamport":-1}`,
      'not-a-clock',
      '/lamport_clock',
    ],
    [
      'with half a tick',
      `{"type":"X","at":"${AT}","lamport_clock":1.5}`,
      'not-a-clock',
      '/lamport_clock',
    ],
    [
      'with a branch that is a number',
      `{"type":"X","at":"${AT}","git_branch":1}`,
      'not-a-text',
      '/git_branch',
    ],
    ['with a repeated key', `{"type":"X","at":"${AT}","a":1,"a":2}`, 'duplicate-key', '/a'],
    ['with half a surrogate pair', String.raw`{"type":"X","a":"\ud800"}`, 'lone-surrogate', '/a'],
  ])('%s', (_, line, rule, pointer) => {
    expect(issueOf(line)).toMatchObject({ rule, pointer });
  });

  it('when it is not UTF-8', () => {
    expect(issueOf(Uint8Array.of(0x7b, 0xff, 0x7d)).rule).toBe('invalid-utf8');
  });

  it('when it, or the event it becomes, is over the size limit', () => {
    expect(issueOf(lineOfSize(MAX_EVENT_BYTES)).rule).toBe('too-large');
    expect(issueOf(lineOfSize(MAX_EVENT_BYTES - 100)).rule).toBe('too-large');
    expect(map(lineOfSize(MAX_EVENT_BYTES - 500)).event.bytes.length).toBeLessThanOrEqual(
      MAX_EVENT_BYTES,
    );
  });
});

describe('for any line', () => {
  const name = fc.string({ unit: 'binary' });
  const json = fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.stringify(value));
  const own = { event_type: '"X"', payload: '{ "n": 1.0 }', timestamp: `"${AT}"` };
  const shapes: readonly Readonly<Record<string, string>>[] = [
    { to_lane: '"done"', wp_id: '"WP01"', at: `"${AT}"` },
    { type: '"X"', at: `"${AT}"` },
    { kind: '"annotation"', wp_id: '"WP01"', at: `"${AT}"` },
    own,
  ];
  const reserved = new Set([
    ...ENVELOPE_KEYS,
    'event_name',
    'lamport',
    ...shapes.flatMap(Object.keys),
  ]);
  const wild = fc.uniqueArray(fc.tuple(fc.oneof(name, fc.constantFrom(...reserved)), json), {
    selector: ([key]) => key,
  });
  const further = wild.map((members) => members.filter(([key]) => !reserved.has(key)));

  it('the answer comes without a throw', () => {
    const line = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      wild.map((members) => Buffer.from(lineOf(members))),
      fc.tuple(fc.constantFrom(...shapes), wild).map(([shape, members]) => {
        return Buffer.from(lineOf([...new Map([...Object.entries(shape), ...members])]));
      }),
    );
    const property = fc.property(line, (bytes) => {
      const mapped = mapLine(bytes, PROJECT);
      const isSound = mapped.ok
        ? parseEnvelope(mapped.value.event.bytes).ok
        : mapped.error.message.length > 0;
      expect(isSound).toBe(true);
    });
    fc.assert(property, { numRuns: 3_000 });
  });

  it('of a known shape, the event is an envelope, the same each time, and no member is lost', () => {
    const property = fc.property(fc.constantFrom(...shapes), further, (shape, members) => {
      const line = lineOf([...members, ...Object.entries(shape)]);
      const mapped = map(line);
      expect(parseEnvelope(mapped.event.bytes)).toEqual({ ok: true, value: mapped.event });
      expect(textOf(map(`\t${line} \r`))).toBe(textOf(mapped));
      const kept = shape === own ? textOf(mapped) : payloadText(mapped);
      for (const [key, value] of members) expect(kept).toContain(`${JSON.stringify(key)}:${value}`);
      expect(payloadText(mapped) === own.payload).toBe(shape === own);
    });
    fc.assert(property, { numRuns: 2_000 });
  });
});

describe.skipIf(!fs.existsSync(SAMPLES))(
  'the lines of real missions (skipped when the samples are absent)',
  () => {
    const logs = fs.existsSync(SAMPLES)
      ? fs
          .readdirSync(SAMPLES)
          .flatMap((mission) =>
            ['status.events.jsonl', 'mission-events.jsonl'].map((log) =>
              path.join(SAMPLES, mission, log),
            ),
          )
          .filter((log) => fs.existsSync(log))
      : [];

    it('are all mapped, and written as our emitter writes', () => {
      let count = 0;
      for (const log of logs) {
        for (const line of fs.readFileSync(log, 'utf8').trimEnd().split('\n')) {
          const { event } = map(line);
          const span = memberSpan(event.bytes, 'payload');
          assert(span !== null, 'an envelope has a payload');
          const payload = event.bytes.subarray(span.start, span.end);
          const written = encodeEnvelope({ ...event.envelope, payload }).toString();
          expect(textOf(map(line)).startsWith(written.slice(0, -1))).toBe(true);
          const source = asObject(JSON.parse(line) as JsonValue) ?? {};
          const { event_id: _id, at: _at, timestamp: _timestamp, type: _type, ...rest } = source;
          expect(event.envelope.payload).toEqual('event_type' in source ? source['payload'] : rest);
          count += 1;
        }
      }
      expect(count).toBe(376);
    });
  },
);
