import { expect, it } from 'vitest';
import { transition, type DrainReport, type Route } from '../../src/delivery/index.ts';
import type { Http, HttpReply, HttpRequest } from '../../src/home/index.ts';
import { createHttpReceiver } from '../../src/receivers/index.ts';
import { systemClock, sha256Hex } from '../../src/base/index.ts';
import { OUTCOMES, type Outcome, type Verdict } from '../../src/wire/index.ts';
import { drainOnce, ledgerRows, permit } from '../suites/drain-trial.ts';
import { eventId } from '../support/envelopes.ts';
import { ledgerTrial, type LedgerTrial } from '../support/ledger-trial.ts';
import { postedBytes, postedIds } from '../support/posted-ids.ts';
import { describeVectors, expectSame, type Difference } from './vectors.ts';

/** One drain: what was sent, what came of it, and what the ledger holds afterwards. */
interface DrainStep {
  readonly target?: 'A' | 'B';
  readonly limit?: number;
  readonly summary: Readonly<Record<string, unknown>>;
  readonly posted: readonly { readonly event_ids: readonly string[] }[];
  readonly ledger?: Ledger;
  readonly ledger_A?: Ledger;
  readonly ledger_B?: Ledger;
  readonly journal_rows?: number;
}

type Ledger = Readonly<
  Record<string, { readonly status: string; readonly attempts: number } | null>
>;

/** One answer about one event, and its row afterwards. */
interface LedgerStep {
  readonly result: string;
  readonly status?: string;
  readonly attempts?: number;
  readonly selectable?: boolean;
  readonly error?: string;
}

interface Recorded {
  readonly wire_shape: {
    readonly headers: Readonly<Record<string, string>>;
    readonly first_event_on_the_wire: Readonly<Record<string, unknown>>;
    readonly url: string;
  };
  readonly cases: readonly { readonly name: string; readonly steps: readonly unknown[] }[];
}

const NAMES = ['E01', 'E02', 'E03', 'E04', 'E05'];
const NOW = 1_760_000_000_000;

/** A receiver in this process that says of each event what `say` says. */
function standFor(say: (name: string) => string): { trial: LedgerTrial; posts: string[][] } {
  const posts: string[][] = [];
  const base = ledgerTrial();
  const http: Http = {
    send: (request) => {
      const names = postedIds(request).map(nameOf);
      posts.push(names);
      const results = names.map((name) => ({ event_id: idOf(name), status: say(name) }));
      return Promise.resolve(response({ results }));
    },
    close: () => {},
  };
  return { trial: { ...base, home: { ...base.home, http } }, posts };
}

function response(body: unknown): HttpReply {
  return { kind: 'response', status: 200, headers: {}, body: Buffer.from(JSON.stringify(body)) };
}

function idOf(name: string): string {
  return eventId(NAMES.indexOf(name) + 1);
}

function nameOf(id: string): string {
  return NAMES.find((name) => idOf(name) === id) ?? id;
}

function summaryOf(report: DrainReport): Readonly<Record<string, unknown>> {
  const { success: delivered, ...others } = report.outcomes;
  const failures = report.failures.map((each) => [nameOf(each.id), each.outcome, each.httpStatus]);
  const recorded = Object.values(report.outcomes).reduce((sum, count) => sum + count, 0);
  return { selected: report.selected, delivered, ...others, recorded, failures };
}

function ledgerOf(trial: LedgerTrial, route: Route, names: readonly string[]): Ledger {
  const rows = ledgerRows(trial, route);
  const entries = names.map((name, index) => {
    const row = rows[index];
    if (row === undefined || row.outcome === null) return [name, null] as const;
    const status = row.state === 'parked' ? 'terminal_failed' : row.outcome;
    return [name, { status, attempts: row.attempts }] as const;
  });
  return Object.fromEntries(entries);
}

describeVectors<Recorded>('dispatch.json', ({ cases, wire_shape }) => {
  const drains = (name: string): readonly DrainStep[] => {
    const found = cases.find((each) => each.name === name);
    expect(found).toBeDefined();
    return (found?.steps ?? []) as readonly DrainStep[];
  };

  it('sends what is retained to a second target and nothing twice to the first', async () => {
    const steps = drains('deliver_to_A_then_switch_to_B_then_back');
    const names = NAMES.slice(0, 4);
    const { trial, posts } = standFor(() => 'success');
    trial.capture(names.length);
    const routes = { A: permit(trial, 'https://a.test'), B: permit(trial, 'https://b.test') };
    for (const step of steps) {
      posts.length = 0;
      const report = await drainOnce(trial, routes[step.target ?? 'A']);
      const batches = posts.filter((each) => each.length > 0);
      const ours = {
        summary: summaryOf(report),
        posted: batches,
        ledger_A: ledgerOf(trial, routes.A, names),
        ledger_B: ledgerOf(trial, routes.B, names),
        journal_rows: trial.db.get<{ n: number }>('SELECT count(*) AS n FROM events')?.n,
      };
      const { summary, posted, ledger_A, ledger_B, journal_rows } = step;
      const theirs = {
        summary,
        posted: posted.map((each) => each.event_ids),
        ledger_A,
        ledger_B,
        journal_rows,
      };
      expectSame(ours, theirs);
    }
  });

  it('walks on behind what was refused', async () => {
    const [first] = drains('limit_with_stuck_head');
    const answers: Readonly<Record<string, string>> = { E01: 'rejected', E02: 'pending' };
    const { trial, posts } = standFor((name) => answers[name] ?? 'success');
    const route = permit(trial, 'https://a.test/hook');
    trial.capture(NAMES.length);
    await drainOnce(trial, route);
    const ours = { posted: posts.flat(), ledger: ledgerOf(trial, route, NAMES) };
    const theirs = {
      posted: first?.posted.flatMap((each) => each.event_ids),
      ledger: first?.ledger,
    };
    const done = { status: 'success', attempts: 1 };
    expectSame(ours, theirs, {
      because: 'One refused event holds nobody back',
      ours: { posted: NAMES, ledger: { ...first?.ledger, E03: done, E04: done, E05: done } },
    });
  });

  it('sends what is retained, archived or not', async () => {
    const [step] = drains('archived_events_are_still_sent');
    const { trial, posts } = standFor(() => 'success');
    const route = permit(trial, 'https://a.test/hook');
    trial.capture(2);
    const summary = summaryOf(await drainOnce(trial, route));
    const theirs = { summary: step?.summary, posted: step?.posted.map((each) => each.event_ids) };
    expectSame({ summary, posted: posts }, theirs);
  });

  const ledgers = cases.filter((each) => each.name.startsWith('ledger/'));
  it.each(ledgers.map((each) => [each.name, each] as const))('%s', (name, { steps }) => {
    const theirs = (steps as readonly LedgerStep[]).map((step) =>
      step.error === undefined
        ? { status: step.status, attempts: step.attempts, selectable: step.selectable }
        : 'no outcome',
    );
    const ours = walk((steps as readonly LedgerStep[]).map((step) => step.result));
    expectSame(ours, theirs, LEDGER_DIFFERENCES[name.slice('ledger/'.length)]);
  });

  it('compares every case, and still differs in every listed one', () => {
    expect(cases).toHaveLength(ledgers.length + 3);
    const known = ledgers.map((each) => each.name.slice('ledger/'.length));
    expect(known).toEqual(expect.arrayContaining(Object.keys(LEDGER_DIFFERENCES)));
  });

  it('has the same shape on the wire, and passes on what it was given', async () => {
    const sent: HttpRequest[] = [];
    const http: Http = {
      send: (request) => {
        sent.push(request);
        return Promise.resolve(response({ results: [] }));
      },
      close: () => {},
    };
    const receiver = createHttpReceiver({
      kind: 'teamspace',
      http,
      clock: systemClock(),
      eventsUrl: wire_shape.url,
      healthUrl: null,
      bodiesUrl: null,
      snapshotsUrl: null,
      snapshots: false,
      bodies: false,
      width: 1,
      headers: { authorization: wire_shape.headers['Authorization'] ?? '' },
      brotli: false,
      maxBytes: null,
    });
    const bytes = Buffer.from(JSON.stringify(wire_shape.first_event_on_the_wire));
    const item = { seq: 1, id: 'E01', sha256: sha256Hex(bytes), bytes };
    await receiver.deliver('events', [item], new AbortController().signal);
    const [request] = sent;
    expect(request?.url).toBe(wire_shape.url);
    const lowered = Object.entries(wire_shape.headers).map(([key, value]) => [
      key.toLowerCase(),
      value,
    ]);
    expectSame(request?.headers, Object.fromEntries(lowered));
    const body = request === undefined ? '' : postedBytes(request).toString();
    expectSame(JSON.parse(body), { events: [wire_shape.first_event_on_the_wire] });
  });
});

/** The row of an event after each of these answers, in the earlier program's words. */
function walk(results: readonly string[]): readonly unknown[] {
  let delivery: Parameters<typeof transition>[0] = {
    state: 'queued',
    reason: null,
    attempts: 0,
    dueAt: 0,
  };
  let last: Outcome | null = null;
  return results.map((result) => {
    const outcome = OUTCOMES.find((each) => each === result);
    if (outcome === undefined) return 'no outcome';
    const change = transition(delivery, verdictOf(outcome), NOW);
    if (change !== null) {
      delivery = change;
      last = change.outcome;
    }
    const status = delivery.state === 'parked' ? 'terminal_failed' : last;
    return {
      status: status === 'transient' ? 'failed_transient' : status,
      attempts: delivery.attempts,
      selectable: delivery.state === 'queued',
    };
  });
}

function verdictOf(outcome: Outcome): Verdict {
  const category = outcome === 'terminal_failed' ? 'bad_request' : null;
  return { outcome, httpStatus: 200, category, detail: null, retryAfterMs: null, receipt: null };
}

const DELIVERED = { attempts: 1, selectable: false };
const PARKED = { status: 'terminal_failed', attempts: 1, selectable: false };

function final(status: string): Difference {
  const row = { status, ...DELIVERED };
  return { because: 'Delivered is final', ours: [row, row] };
}

function wording(): Difference {
  return { because: 'The six outcomes are words of ours', ours: ['no outcome'] };
}

const LEDGER_DIFFERENCES: Readonly<Record<string, Difference>> = {
  success_then_duplicate: final('success'),
  success_then_transient: final('success'),
  duplicate_then_duplicate: final('duplicate'),
  duplicate_then_transient: final('duplicate'),
  terminal_failed_then_transient: {
    because: 'A parked event waits for an operator',
    ours: [PARKED, PARKED],
  },
  "token_'failed_permanent'": wording(),
  "token_' Success '": wording(),
};
