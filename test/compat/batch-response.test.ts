import { expect, it } from 'vitest';
import type { Http, HttpReply } from '../../src/home/index.ts';
import { attemptsOf, type Route } from '../../src/delivery/index.ts';
import { drainOnce, ledgerRows, permit, type LedgerRow } from '../suites/drain-trial.ts';
import { ledgerTrial, type LedgerTrial } from '../support/ledger-trial.ts';
import { postedIds } from '../support/posted-ids.ts';
import { describeVectors, expectSame, type Difference } from './vectors.ts';

interface Result {
  readonly event_id: string;
  readonly outcome: string;
  readonly error_present: boolean;
}

interface Recorded {
  /** Status, number of events, shape of the answer. */
  readonly name: string;
  readonly http_status: number | null;
  readonly event_ids: readonly string[];
  readonly body_json?: unknown;
  readonly body_text?: string;
  readonly body_base64?: string;
  readonly results?: readonly Result[];
  readonly ledger_after_same_response_again?: { readonly posted_ids: readonly string[] };
  readonly ledger_after_then_all_success?: { readonly delivered_anywhere: readonly string[] };
}

/** What a case comes to: of each event the outcome, what is sent again after it, and what arrives in the end. */
interface Effect {
  readonly name: string;
  /** A rejection with a reason ends in an exclamation mark. */
  readonly outcomes: readonly string[];
  readonly again: readonly string[];
  readonly delivered: readonly string[];
}

const CRASH = 'crash';

/** The same outcome for every event; all are sent again, and arrive once the receiver has come to its senses. */
function everyone(recorded: Recorded, outcome: string): Effect {
  const { name, event_ids: ids } = recorded;
  return { name, outcomes: ids.map(() => outcome), again: ids, delivered: ids };
}

function theirEffect(recorded: Recorded): Effect | typeof CRASH {
  const {
    results,
    ledger_after_same_response_again: again,
    ledger_after_then_all_success: end,
  } = recorded;
  if (results === undefined) return CRASH;
  return {
    name: recorded.name,
    outcomes: results.map((each) => marked(each.outcome, each.error_present)),
    again: again?.posted_ids ?? [],
    delivered: end?.delivered_anywhere ?? [],
  };
}

function marked(outcome: string, hasReason: boolean): string {
  return outcome === 'rejected' && hasReason ? `${outcome}!` : outcome;
}

/** A receiver in this process, and what it was sent. */
interface Stand {
  readonly trial: LedgerTrial;
  readonly posted: string[];
  answer: (ids: readonly string[]) => HttpReply;
}

/** A project with the events of all cases of one size; each case gets a target of its own. */
function standFor(ids: readonly string[]): Stand {
  const base = ledgerTrial();
  const http: Http = {
    send: (request) => {
      const asked = postedIds(request);
      stand.posted.push(...asked);
      return Promise.resolve(stand.answer(asked));
    },
    close: () => {},
  };
  const trial = { ...base, home: { ...base.home, http } };
  const stand: Stand = { trial, posted: [], answer: acceptAll };
  for (const id of ids) trial.capture(1, { id });
  return stand;
}

async function ourEffect(stand: Stand, recorded: Recorded): Promise<Effect> {
  const { trial, posted } = stand;
  const { name, event_ids: ids } = recorded;
  const route = permit(trial, `https://team.example.test/${encodeURIComponent(name)}`);
  stand.answer = () => replyOf(recorded);
  await drainOnce(trial, route);
  const outcomes = ledgerRows(trial, route).map((row) => {
    return marked(wordOf(row), reasonOf(trial, route, row) !== null);
  });
  posted.length = 0;
  await drainOnce(trial, route);
  const again = ids.filter((id) => posted.includes(id));
  stand.answer = acceptAll;
  await drainOnce(trial, route);
  const arrived = ledgerRows(trial, route).map((row) => row.state === 'delivered');
  return { name, outcomes, again, delivered: ids.filter((_, index) => arrived[index] === true) };
}

function replyOf(recorded: Recorded): HttpReply {
  if (recorded.http_status === null) {
    return { kind: 'failure', reason: 'reset', detail: 'cut', bytesSent: 0 };
  }
  return { kind: 'response', status: recorded.http_status, headers: {}, body: bodyOf(recorded) };
}

function bodyOf({ body_base64, body_text, body_json }: Recorded): Buffer {
  if (body_base64 !== undefined) return Buffer.from(body_base64, 'base64');
  return Buffer.from(body_text ?? JSON.stringify(body_json));
}

function acceptAll(ids: readonly string[]): HttpReply {
  const results = ids.map((event_id) => ({ event_id, status: 'success' }));
  const body = Buffer.from(JSON.stringify({ results }));
  return { kind: 'response', status: 200, headers: {}, body };
}

/** The earlier program's word for a row: an event that a failed request did not touch counts as transient there. */
function wordOf(row: LedgerRow): string {
  return row.state === 'parked' ? 'terminal_failed' : (row.outcome ?? 'transient');
}

function reasonOf(trial: LedgerTrial, route: Route, row: LedgerRow): string | null {
  const { id: genId } = trial.generation(route);
  return attemptsOf(trial.db, genId, row.seq).at(-1)?.detail ?? null;
}

interface Category {
  readonly because: string;
  /** Matches the names of the cases. */
  readonly cases: RegExp;
  readonly ours: (recorded: Recorded) => Effect;
}

/** Replaces outcomes; what is sent and what arrives stays as recorded. */
function reworded(reword: (outcome: string, index: number) => string): Category['ours'] {
  return (recorded) => {
    const theirs = theirEffect(recorded);
    if (theirs === CRASH) throw new Error(`${recorded.name} has no outcomes`);
    return { ...theirs, outcomes: theirs.outcomes.map(reword) };
  };
}

const DIFFERENCES: readonly Category[] = [
  {
    because: 'Silence is not acceptance',
    cases:
      /^200\/\d\/(?:results_empty|results_of_\w+|only_\w+|id_(?:missing_key|padded|null|under_wrong_key)|mixed_success_rejected)$/,
    ours: reworded((outcome) => (outcome === 'pending' ? 'transient' : outcome)),
  },
  {
    because: 'Silence is not acceptance',
    cases: /^200\/3\/mixed_pending_rejected_missing$/,
    ours: reworded((outcome, index) => (index === 2 ? 'transient' : outcome)),
  },
  {
    because: 'An unknown word is no refusal',
    cases: /^200\/\d\/(?:unknown_status_.+|nonstring_status_.+|missing_status_key)$/s,
    ours: reworded(() => 'transient'),
  },
  {
    because: 'A contradiction is not believed',
    cases: /^200\/\d\/dup_entry_\w+$/,
    ours: (recorded) => ({
      name: recorded.name,
      outcomes: recorded.event_ids.map((_, index) => (index === 0 ? 'transient' : 'success')),
      again: recorded.event_ids.slice(0, 1),
      delivered: recorded.event_ids,
    }),
  },
  {
    because: 'Any 2xx with results is read',
    cases: /^207\/\d\/results_like_200$/,
    ours: (recorded) => ({ ...everyone(recorded, 'success'), again: [] }),
  },
  {
    because: 'Only JSON is read',
    cases: /^200\/\d\/(?:utf8_bom|dup_keys_last_wins|invalid_utf8|nan_literal)$/,
    ours: (recorded) => everyone(recorded, 'transient'),
  },
  {
    because: 'Every answer is read',
    cases: /^200\/\d\/id_is_(?:array|object)$/,
    ours: (recorded) => everyone(recorded, 'transient'),
  },
  {
    because: 'Every answer is read',
    cases: /^400\/2\/details_id_is_array$/,
    ours: (recorded) => everyone(recorded, 'rejected!'),
  },
  {
    because: 'Free text decides nothing',
    cases: /^400\/\d\/error_says_\w+$/,
    ours: (recorded) => everyone(recorded, 'rejected!'),
  },
  {
    because: 'Free text decides nothing',
    cases: /^(?:403|429|50\d)\/1\/too_large_text$/,
    ours: (recorded) => everyone(recorded, 'transient'),
  },
  {
    because: 'A single 413 parks above a stated limit',
    cases: /^413\/1\/\w+$/,
    ours: (recorded) => everyone(recorded, 'transient'),
  },
  {
    because: 'A reason is a text',
    cases: /^200\/\d\/rejected_(?:number|object)_error$/,
    ours: reworded(() => 'rejected'),
  },
];

function differenceOf(recorded: Recorded): Difference | undefined {
  const [found, another] = DIFFERENCES.filter(({ cases }) => cases.test(recorded.name));
  expect(another).toBeUndefined();
  return found === undefined ? undefined : { because: found.because, ours: found.ours(recorded) };
}

describeVectors<{ readonly cases: readonly Recorded[] }>('batch_response_map.json', ({ cases }) => {
  const sizes = [...new Set(cases.map((each) => each.event_ids.length))];
  it.each(sizes)('%i events in a batch', async (size) => {
    const alike = cases.filter((each) => each.event_ids.length === size);
    const stand = standFor(alike[0]?.event_ids ?? []);
    for (const recorded of alike) {
      const ours = await ourEffect(stand, recorded);
      expectSame(ours, theirEffect(recorded), differenceOf(recorded));
    }
  });

  it('compares every case', () => {
    expect(cases.length).toBeGreaterThan(200);
    expect(new Set(cases.map((each) => each.event_ids.join())).size).toBe(sizes.length);
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
