import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  LOCAL_TYPE,
  ledgerTrial,
  STREAMS,
  verdict,
  type LedgerTrial,
} from '../../test/support/ledger-trial.ts';
import { thrownBy } from '../../test/support/refusal.ts';
import { noFaults } from '../base/index.ts';
import type { Verdict } from '../wire/index.ts';
import { claimDrain, DRAIN_EXPIRY_MS, type Drain } from './drain/drains.ts';
import { open } from './generations.ts';
import { begin, FenceLost, record, selectDue, type Batch } from './ledger.ts';
import { dropParked, listParked, retryParked } from './parked.ts';
import { listRoutes, type Route } from './routes.ts';
import { revoke } from './grants.ts';
import { eventsStream as stream } from './stream.ts';

// Random histories of everything that moves a delivery. After each step every event must be in exactly one place at
// every target, by three counts: the ledger's counters, the rows themselves, and the journal.

const HISTORIES = 120;
const STEPS = 50;

/** A batch that was begun and not answered yet. */
interface Flight {
  readonly route: Route;
  readonly drain: Drain;
  readonly batch: Batch;
}

interface History {
  readonly trial: LedgerTrial;
  readonly flights: Flight[];
  /** `generation:seq` of all that a receiver said it has, as far as it was recorded. */
  readonly arrived: Set<string>;
  /** Positions that were ever part of a batch, at any target. */
  readonly sent: Set<number>;
  /** `generation:seq` of all that was superseded before the last step. */
  readonly superseded: Set<string>;
}

interface Step {
  readonly run: (history: History) => Promise<void> | void;
  /** What a failing history is printed as. */
  readonly [fc.toStringMethod]: () => string;
}

function step(name: string, run: Step['run']): Step {
  return { run, [fc.toStringMethod]: () => name };
}

const VERDICTS: readonly (Verdict | null)[] = [
  verdict('success'),
  verdict('duplicate'),
  verdict('pending'),
  verdict('rejected', 'later'),
  verdict('transient', null, 5_000),
  verdict('terminal_failed', 'erased'),
  verdict('terminal_failed', 'schema_invalid'),
  verdict('terminal_failed', 'not on the list'),
  null,
];

const targets = fc.constantFrom('a', 'b');

function known(history: History, name: string): Route | undefined {
  const url = `https://${name}.example`;
  return listRoutes(history.trial.db).find((route) => route.target.canonicalUrl === url);
}

const capturing = fc
  .record({
    count: fc.integer({ min: 1, max: 4 }),
    kind: fc.constantFrom('plain', 'local', 'keyed', 'keyed', 'elsewhere', 'legacy'),
    path: fc.constantFrom('spec.md', 'plan.md'),
    where: fc.boolean(),
  })
  .map(({ count, kind, path, where }) =>
    step(`capture ${count} ${kind} ${path} ${where}`, ({ trial }) => {
      if (kind === 'keyed')
        trial.captureKeyed(path, { checkout: where ? trial.checkout : trial.otherCheckout });
      else if (kind === 'local') trial.capture(count, { type: LOCAL_TYPE });
      else if (kind === 'legacy') trial.capture(count, { checkout: null });
      else
        trial.capture(count, { checkout: kind === 'plain' ? trial.checkout : trial.otherCheckout });
    }),
  );

const granting = fc
  .record({ name: targets, isOther: fc.boolean(), fromNow: fc.boolean() })
  .map(({ name, isOther, fromNow }) =>
    step(
      `grant ${name} ${isOther ? 'other' : 'first'}${fromNow ? ' from now' : ''}`,
      ({ trial }) => {
        trial.grant(name, { checkout: isOther ? trial.otherCheckout : trial.checkout, fromNow });
      },
    ),
  );

const revoking = targets.map((name) =>
  step(`revoke ${name}`, (history) => {
    const { db, clock } = history.trial;
    const route = known(history, name);
    if (route === undefined) return;
    revoke(db, { routeId: route.id, by: 'test', now: clock.now(), streams: STREAMS });
  }),
);

const opening = targets.map((name) =>
  step(`open ${name}`, (history) => {
    const route = known(history, name);
    if (route === undefined) return;
    open(history.trial.db, { routeId: route.id, stream, faults: noFaults });
  }),
);

/** Undefined when nothing is due, null when the batch was not begun. */
function beginDue(
  trial: LedgerTrial,
  options: { readonly drain: Drain; readonly genId: number; readonly count: number },
): Batch | null | undefined {
  const { drain, genId, count } = options;
  const now = trial.clock.now();
  const due = selectDue(trial.db, stream, { genId, after: 0, dueBy: now, limit: count });
  const items = stream.load(
    trial.db,
    due.map((item) => item.seq),
  );
  return items.length === 0 ? undefined : begin(trial.db, stream, { drain, genId, items, now });
}

const sending = fc
  .record({ name: targets, count: fc.integer({ min: 1, max: 6 }) })
  .map(({ name, count }) =>
    step(`send ${count} to ${name}`, async (history) => {
      const { trial, flights, sent } = history;
      const route = known(history, name);
      if (route === undefined) return;
      const mine = flights.findLast((flight) => flight.route.id === route.id);
      const drain = mine?.drain ?? (await takeOver(trial, route));
      const genId = trial.generation(route).id;
      // What another target superseded meanwhile is set aside by a try, which then begins nothing.
      let batch = beginDue(trial, { drain, genId, count });
      for (let tries = 0; batch === null && tries < STEPS; tries += 1) {
        batch = beginDue(trial, { drain, genId, count });
      }
      if (batch === undefined) return;
      if (batch === null) throw new Error('a batch of queued items was not begun');
      flights.push({ route, drain, batch });
      for (const seq of batch.seqs) sent.add(seq);
    }),
  );

/** Who drained before was away too long: what he holds can no longer be recorded. */
async function takeOver(trial: LedgerTrial, route: Route): Promise<Drain> {
  trial.clock.move(DRAIN_EXPIRY_MS);
  return claimDrain(trial.db, trial.system, route.id);
}

const answering = fc
  .array(fc.constantFrom(...VERDICTS), { minLength: 6, maxLength: 6 })
  .map((verdicts) =>
    step(
      `answer ${verdicts.map((each) => each?.category ?? each?.outcome ?? 'nothing').join()}`,
      ({ trial, flights, arrived }) => {
        const flight = flights.shift();
        if (flight === undefined) return;
        const { drain, batch } = flight;
        const answer = { verdicts, httpStatus: 200, result: 'recorded', faults: noFaults };
        record(trial.db, stream, { drain, batch, ...answer, now: trial.clock.now() });
        for (const [index, seq] of batch.seqs.entries()) {
          const outcome = verdicts[index]?.outcome;
          const isPositive = outcome === 'success' || outcome === 'duplicate';
          if (isPositive) arrived.add(`${batch.genId}:${seq}`);
        }
      },
    ),
  );

/** Another process takes over while a batch is under way; the first one must not record it. */
const replacing = fc.constant(
  step('replace', async ({ trial, flights }) => {
    const flight = flights.shift();
    if (flight === undefined) return;
    const { route, drain, batch } = flight;
    await takeOver(trial, route);
    const verdicts = batch.seqs.map(() => verdict('success'));
    const answer = { verdicts, httpStatus: 200, result: 'recorded', faults: noFaults };
    const now = trial.clock.now();
    const thrown = thrownBy(() => record(trial.db, stream, { drain, batch, ...answer, now }));
    if (!(thrown instanceof FenceLost)) throw new Error('a drainer that was replaced has recorded');
    const others = flights.filter((other) => other.route.id !== route.id);
    flights.splice(0, flights.length, ...others);
  }),
);

const operating = fc.boolean().map((retries) =>
  step(retries ? 'retry' : 'drop', ({ trial }) => {
    const parked = listParked(trial.db, stream);
    if (!retries) {
      dropParked(trial.db, STREAMS, parked.slice(0, 1));
      return;
    }
    const granted = new Set(
      listRoutes(trial.db)
        .filter((route) => route.grantedAt !== null)
        .map(({ id }) => id),
    );
    retryParked(
      trial.db,
      stream,
      parked.filter((item) => granted.has(item.routeId)),
    );
  }),
);

const collecting = fc.nat({ max: 60 }).map((seq) =>
  step(`collect ${seq}`, ({ trial }) => {
    const { db } = trial;
    if (db.get('SELECT 1 FROM event_payloads WHERE seq = :seq', { seq }) === undefined) return;
    db.run(`INSERT OR IGNORE INTO gc_permits VALUES (:seq, 'gc', 1)`, { seq });
    db.run('DELETE FROM event_payloads WHERE seq = :seq', { seq });
  }),
);

const waiting = fc.constantFrom(500, 8_000).map((ms) =>
  step(`wait ${ms}`, ({ trial }) => {
    trial.clock.move(ms);
  }),
);

/** Where each event is at a target, counted from the rows alone. */
const PLACES = `
  SELECT
    count(*) AS captured,
    count(*) FILTER (WHERE e.seq < g.from_seq) AS beforeStart,
    count(*) FILTER (WHERE e.seq >= g.from_seq AND e.eligible = 0) AS neverEligible,
    count(*) FILTER (WHERE e.seq BETWEEN g.from_seq AND g.next_seq - 1 AND e.eligible = 1
      AND d.seq IS NULL) AS dropped,
    count(*) FILTER (WHERE e.seq >= g.next_seq AND e.eligible = 1) AS unopened,
    count(d.seq) AS opened,
    count(*) FILTER (WHERE d.state = 1) AS queued,
    count(*) FILTER (WHERE d.state = 2) AS delivered,
    count(*) FILTER (WHERE d.state = 3) AS parked,
    count(*) FILTER (WHERE d.state = 4) AS superseded,
    count(*) FILTER (WHERE d.state = 5) AS withheld
  FROM generations g CROSS JOIN events e
  LEFT JOIN event_deliveries d ON d.gen_id = g.gen_id AND d.seq = e.seq
  WHERE g.gen_id = :genId`;

/** Queued although it may not leave, or not from where it was captured. */
const STOWAWAYS = `
  SELECT d.seq FROM event_deliveries d JOIN events e ON e.seq = d.seq
  WHERE d.state = 1 AND (e.eligible = 0 OR NOT EXISTS (SELECT 1 FROM grants g WHERE g.route_id = d.route_id)
    OR (e.checkout_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM grant_checkouts c
      WHERE c.route_id = d.route_id AND c.checkout_id = e.checkout_id)))`;

function judge({ trial, arrived, sent, superseded }: History): void {
  const { db } = trial;
  for (const route of listRoutes(db)) {
    const genId = trial.generation(route).id;
    expect(trial.books(route)).toEqual({ ...db.get<object>(PLACES, { genId }), balanced: true });
  }
  expect(db.all(STOWAWAYS)).toEqual([]);
  const rows = db.all<{ gen_id: number; seq: number; state: number }>(
    'SELECT * FROM event_deliveries',
  );
  const delivered = rows.filter((row) => row.state === 2).map((row) => `${row.gen_id}:${row.seq}`);
  expect(new Set(delivered)).toEqual(arrived);
  for (const row of rows.filter((each) => each.state === 4)) {
    const place = `${row.gen_id}:${row.seq}`;
    expect(superseded.has(place) || !sent.has(row.seq)).toBe(true);
    superseded.add(place);
  }
}

it('every event is in exactly one place at every target, after every step of any history', {
  timeout: 120_000,
}, async () => {
  const anyStep = fc.oneof(
    { weight: 4, arbitrary: capturing },
    { weight: 2, arbitrary: granting },
    { weight: 1, arbitrary: revoking },
    { weight: 4, arbitrary: opening },
    { weight: 5, arbitrary: sending },
    { weight: 5, arbitrary: answering },
    { weight: 1, arbitrary: replacing },
    { weight: 1, arbitrary: operating },
    { weight: 1, arbitrary: collecting },
    { weight: 1, arbitrary: waiting },
  );
  const seen = { queued: 0, delivered: 0, parked: 0, superseded: 0, withheld: 0 };
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyStep, { minLength: 5, maxLength: STEPS, size: 'max' }),
      async (steps) => {
        const history: History = {
          trial: ledgerTrial(),
          flights: [],
          arrived: new Set(),
          sent: new Set(),
          superseded: new Set(),
        };
        history.trial.grant('a');
        for (const each of steps) {
          await each.run(history);
          judge(history);
        }
        for (const route of listRoutes(history.trial.db)) addTo(seen, history.trial.books(route));
        history.trial.home.close();
      },
    ),
    { numRuns: HISTORIES, verbose: fc.VerbosityLevel.Verbose },
  );
  // A history that reaches no state proves nothing about it.
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(0);
});

function addTo(sums: Record<string, number>, books: object): void {
  for (const [key, value] of Object.entries(books)) {
    const sum = sums[key];
    if (sum !== undefined && typeof value === 'number') sums[key] = sum + value;
  }
}
