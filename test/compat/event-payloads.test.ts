import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import {
  encodeBatch,
  EVENT_TYPES,
  isKnownType,
  judgePayload,
  parseEnvelope,
  PATHS,
  type JsonObject,
} from '../../src/wire/index.ts';
import { createMachine } from '../support/command-line.ts';
import { realReceiver } from '../support/real-receiver.ts';
import { openStoreOf } from '../support/store-view.ts';
import { describeVectors, expectSame, type Difference } from './vectors.ts';

interface Recorded {
  readonly event_types_known_to_emitter: readonly string[];
  readonly payload_rules: Readonly<Record<string, { readonly required: readonly string[] }>>;
  readonly payload_only_fixtures: Readonly<Record<string, JsonObject>>;
  readonly capture_vs_validation: readonly {
    readonly name: string;
    readonly returned_event: boolean;
    readonly journal_rows_added?: number;
    readonly rows_added_to_anonymous_journal?: number;
  }[];
  readonly cases: readonly {
    readonly source: string;
    readonly event_type: string;
    readonly envelope: JsonObject;
  }[];
}

type Differences = Readonly<Record<string, Difference>>;

const EITHER = 'A payload of either generation is accepted';
const STRICTER = 'The emitter is stricter than the event package';
const UNKNOWN = { because: 'Unknown types are refused at emit alone', ours: 'unknown type' };
const NO_AGGREGATE = { because: 'An envelope names its aggregate type', ours: ['/aggregate_type'] };

const REQUIRED: Differences = {
  MissionDossierParityDriftDetected: {
    because: EITHER,
    ours: ['baseline_parity_hash', 'local_parity_hash'],
  },
  MissionDossierSnapshotComputed: {
    because: EITHER,
    ours: ['completeness_status', 'counts', 'parity_hash_sha256', 'snapshot_id'],
  },
  WPCreated: { because: EITHER, ours: ['feature_slug', 'title', 'wp_id'] },
  WPStatusChanged: { because: EITHER, ours: ['from_lane', 'to_lane', 'wp_id'] },
};

/** By the end of the recorded source. */
const ENVELOPES: Differences = {
  'event_uuid_hyphenated.json': NO_AGGREGATE,
  'wp_status_changed_in_review.json': NO_AGGREGATE,
  'from_in_review_legacy_synonym.json': NO_AGGREGATE,
};

const PAYLOADS: Differences = {
  build_heartbeat: { because: STRICTER, ours: '/build_id' },
  build_registered: { because: STRICTER, ours: '/build_id' },
  error_logged: { because: STRICTER, ours: '/error_type' },
  mission_origin_bound: { because: STRICTER, ours: '/provider' },
  wp_assigned: { because: STRICTER, ours: '/phase' },
  ...Object.fromEntries(
    [
      ...['gate_failed', 'gate_passed', 'mission_cancelled', 'plan_completed', 'plan_started'],
      ...['project_initialized', 'review_rollback', 'specify_completed', 'specify_started'],
      ...['tasks_completed', 'tasks_started'],
    ].map((name) => [name, UNKNOWN]),
  ),
};

describeVectors<Recorded>('event_payloads.json', (recorded) => {
  it('knows the types of the emitter', () => {
    expectSame([...EVENT_TYPES].sort(), [...recorded.event_types_known_to_emitter].sort(), {
      because: 'Both generations of event types',
      ours: [...recorded.event_types_known_to_emitter, 'FeatureCompleted', 'FeatureCreated'].sort(),
    });
  });

  it.each(Object.entries(recorded.payload_rules))(
    'requires of %s what the emitter does',
    (type, rule) => {
      expect(isKnownType(type)).toBe(true);
      const missing = judgePayload(type, {}).map(({ pointer }) => pointer.slice(1));
      expectSame(missing.sort(), [...rule.required].sort(), REQUIRED[type]);
    },
  );

  const [logs, envelopes] = split(recorded.cases, (each) =>
    each.source.startsWith('real mission log'),
  );

  it.each(envelopes)(
    'takes what was sent: $event_type, $source',
    ({ source, event_type: type, envelope }) => {
      const parsed = parseEnvelope(Buffer.from(JSON.stringify(envelope)));
      const name = source.slice(source.lastIndexOf('/') + 1);
      const pointers = parsed.ok ? [] : parsed.error.map(({ pointer }) => pointer);
      expectSame(pointers, [], ENVELOPES[name]);
      const payload = envelope['payload'] as JsonObject;
      expect(isKnownType(type) ? judgePayload(type, payload) : []).toEqual([]);
    },
  );

  it('takes the fixtures of the batch contract at the receiver, each with its own word', async () => {
    const fixtures = envelopes.filter(({ source }) => source.startsWith('batch contract fixture'));
    expect(fixtures.length).toBeGreaterThan(0);
    const receiver = await realReceiver();
    const events = fixtures.map(({ envelope }) => Buffer.from(JSON.stringify(envelope)));
    const answer = await fetch(`${receiver.url}${PATHS.events}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: new Uint8Array(encodeBatch(events)),
    });
    const { results } = (await answer.json()) as { results: readonly { status: string }[] };
    expect(results.map(({ status }) => status)).toEqual(fixtures.map(() => 'success'));
  });

  it.each(Object.entries(recorded.payload_only_fixtures))(
    'judges the payload %s',
    (name, payload) => {
      const type = typeOf(name);
      const ours = isKnownType(type)
        ? (judgePayload(type, payload)[0]?.pointer ?? 'fine')
        : 'unknown type';
      expectSame(ours, 'fine', PAYLOADS[name]);
    },
  );

  it('makes an envelope of every line of a mission log', async () => {
    const machine = createMachine();
    const root = await machine.project('repo');
    const mission = path.join(root, 'kitty-specs', '001-recorded');
    mkdirSync(mission, { recursive: true });
    const lines = logs.map(({ envelope }) => `${JSON.stringify(envelope)}\n`);
    writeFileSync(path.join(mission, 'status.events.jsonl'), lines.join(''));
    const { json } = await machine.run(['sync', 'import', '--json'], { cwd: root });
    expectSame(
      { captured: json['captured'], bad: json['bad_lines'] },
      { captured: 0, bad: 0 },
      {
        because: 'Lines of mission logs become envelopes',
        ours: { captured: lines.length, bad: 0 },
      },
    );
    const rows = openStoreOf(machine, root).all<{ type: string; id: string }>(
      'SELECT type, event_id AS id FROM events ORDER BY seq',
    );
    const wanted = logs.map(({ event_type: type, envelope }) => ({
      type: typeOfLine(type, envelope),
      id: envelope['event_id'],
    }));
    expect(rows).toEqual(wanted);
  });

  it.each(recorded.capture_vs_validation)('records as the emitter did: $name', async (given) => {
    const machine = createMachine();
    const root = await machine.project('repo');
    const env =
      given.name === 'valid_but_sync_disabled' ? { SPEC_KITTY_ENABLE_SAAS_SYNC: '0' } : {};
    const { exit } = await machine.run(ATTEMPTS[given.name] ?? [], { cwd: root, env });
    const rows = openStoreOf(machine, root).get<{ n: number }>(
      'SELECT count(*) AS n FROM events',
    )?.n;
    const kept = given.journal_rows_added ?? given.rows_added_to_anonymous_journal;
    const difference = {
      because: 'A refused event is not recorded',
      ours: { returned: false, rows: 0 },
    };
    expectSame(
      { returned: exit === 0, rows },
      { returned: given.returned_event, rows: kept },
      given.returned_event ? undefined : difference,
    );
  });
});

const CHANGED = '"from_lane":"planned","to_lane":"claimed","actor":"a","mission_slug":"001-x"';
const ATTEMPTS: Readonly<Record<string, readonly string[]>> = {
  unknown_event_type: ['emit', 'NoSuchEvent', '--payload', '{}'],
  bad_wp_id: ['emit', 'WPStatusChanged', '--payload', `{"wp_id":"nope",${CHANGED}}`],
  valid_control: ['emit', 'WPStatusChanged', '--payload', `{"wp_id":"WP01",${CHANGED}}`],
  valid_but_sync_disabled: ['emit', 'WPStatusChanged', '--payload', `{"wp_id":"WP01",${CHANGED}}`],
};

/** `wp_created` is the payload of `WPCreated`. */
function typeOf(name: string): string {
  const words = name.split('_').map((word) => word.charAt(0).toUpperCase() + word.slice(1));
  return words.join('').replace(/^Wp/, 'WP');
}

function typeOfLine(recorded: string, line: JsonObject): unknown {
  return recorded === '(lane transition row)' && line['to_lane'] !== undefined
    ? 'WPStatusChanged'
    : (line['event_type'] ?? line['type']);
}

function split<T>(
  all: readonly T[],
  isFirst: (each: T) => boolean,
): readonly [readonly T[], readonly T[]] {
  return [all.filter(isFirst), all.filter((each) => !isFirst(each))];
}
