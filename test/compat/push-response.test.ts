import { expect, it } from 'vitest';
import { sha256Hex, systemClock } from '../../src/base/index.ts';
import type { Http, HttpReply } from '../../src/home/index.ts';
import { createHttpReceiver, type OutboundItem } from '../../src/receivers/index.ts';
import { NAMESPACE } from '../support/ledger-trial.ts';
import { PROJECT_ID } from '../support/envelopes.ts';
import { parseProjectId } from '../../src/wire/index.ts';
import { backoffMs } from '../../src/delivery/transition.ts';
import { describeVectors, expectSame, type Difference } from './vectors.ts';

interface Recorded {
  readonly name: string;
  readonly http_status: number | null;
  readonly body_json?: unknown;
  readonly body_text?: string;
  readonly outcome?: {
    readonly status: string;
    readonly retryable: boolean;
    readonly reason: string;
  };
}

interface Vectors {
  readonly cases: readonly Recorded[];
  readonly backoff_schedule: readonly {
    readonly retry_count_before: number;
    readonly delay_seconds: number;
  }[];
}

/** What a push came to, and for a refused one what the server said. */
interface Effect {
  readonly status: string;
  readonly retryable: boolean;
  readonly said: string | null;
}

const CRASH = 'crash';

function itemOf(): OutboundItem {
  const bytes = Buffer.from('# hi\n');
  const projectUuid = parseProjectId(PROJECT_ID);
  if (projectUuid === null) throw new Error('the project of trials is one');
  const place = { ...NAMESPACE, projectUuid, artifactPath: 'research/notes.md' };
  return { seq: 1, id: 'a', sha256: sha256Hex(bytes), bytes, place };
}

async function ourEffect(recorded: Recorded): Promise<Effect> {
  const http: Http = { send: () => Promise.resolve(replyOf(recorded)), close: () => {} };
  const receiver = createHttpReceiver({
    kind: 'teamspace',
    http,
    clock: systemClock(),
    eventsUrl: 'https://team.example.test/api/v1/events/batch/',
    healthUrl: null,
    bodiesUrl: 'https://team.example.test/api/dossier/push-content/',
    snapshotsUrl: null,
    snapshots: false,
    bodies: true,
    width: 1,
    headers: {},
    brotli: false,
    maxBytes: null,
  });
  const reply = await receiver.deliver('bodies', [itemOf()], new AbortController().signal);
  const [verdict = null] = reply.verdicts;
  const isFinal = verdict?.outcome === 'terminal_failed';
  const said = verdict?.category === 'bad_request' ? verdict.detail : null;
  if (verdict?.outcome === 'success') return { status: 'uploaded', retryable: false, said };
  if (verdict?.outcome === 'duplicate') return { status: 'already_exists', retryable: false, said };
  return { status: 'failed', retryable: !isFinal, said };
}

function replyOf({ http_status: status, body_json, body_text }: Recorded): HttpReply {
  if (status === null) return { kind: 'failure', reason: 'reset', detail: 'cut', bytesSent: 0 };
  const body = Buffer.from(body_text ?? JSON.stringify(body_json));
  return { kind: 'response', status, headers: {}, body };
}

function theirEffect({ outcome }: Recorded): Effect | typeof CRASH {
  if (outcome === undefined) return CRASH;
  const { status, retryable, reason } = outcome;
  const said = reason.startsWith('bad_request: ') ? reason.slice('bad_request: '.length) : null;
  return { status, retryable, said };
}

const RETRIED: Effect = { status: 'failed', retryable: true, said: null };

interface Category {
  readonly because: string;
  /** Matches the names of the cases. */
  readonly cases: RegExp;
  readonly ours: Effect;
}

const DIFFERENCES: readonly Category[] = [
  { because: 'An exact echo delivers', cases: /^20[01]\//, ours: RETRIED },
  { because: 'A refused push halts the route', cases: /^403\//, ours: RETRIED },
  {
    because: 'A status named nowhere is tried again',
    cases: /^(?:204|30\d|405|409|41[28]|42[48]|499)\//,
    ours: RETRIED,
  },
  {
    because: 'Every answer is read',
    cases: /^(?:404\/list_body|transport\/chunked)$/,
    ours: RETRIED,
  },
  {
    because: 'Every answer is read',
    cases: /^400\/string_body$/,
    ours: { status: 'failed', retryable: false, said: 'unknown' },
  },
  {
    because: 'Field errors are texts',
    cases: /^400\/detail_list$/,
    ours: { status: 'failed', retryable: false, said: 'detail: a; b' },
  },
  {
    because: 'Field errors are texts',
    cases: /^400\/field_numbers$/,
    ours: { status: 'failed', retryable: false, said: 'unknown' },
  },
];

function differenceOf({ name }: Recorded): Difference | undefined {
  const [found, another] = DIFFERENCES.filter(({ cases }) => cases.test(name));
  expect(another).toBeUndefined();
  return found;
}

describeVectors<Vectors>('push_content_map.json', ({ cases, backoff_schedule: schedule }) => {
  it.each(cases.map((recorded) => [recorded.name, recorded] as const))(
    '%s',
    async (_, recorded) => {
      expectSame(await ourEffect(recorded), theirEffect(recorded), differenceOf(recorded));
    },
  );

  it('waits as long after each failure', () => {
    const ours = schedule.map((each) => backoffMs(each.retry_count_before) / 1000);
    expect(ours).toEqual(schedule.map((each) => each.delay_seconds));
  });

  it('still differs in every listed way', () => {
    for (const { cases: pattern } of DIFFERENCES) {
      expect([pattern.source, cases.some(({ name }) => pattern.test(name))]).toEqual([
        pattern.source,
        true,
      ]);
    }
  });
});
