import {
  drain,
  grant,
  registerTarget,
  type DrainReport,
  type Route,
} from '../../src/delivery/index.ts';
import { parseEndpoint } from '../../src/receivers/index.ts';
import { STREAMS, type LedgerTrial } from '../support/ledger-trial.ts';

/** Permits sending the trial's facts to an endpoint as an operator names it. */
export function permit(trial: LedgerTrial, endpoint: string): Route {
  const { db, clock, checkout, system } = trial;
  const options = { kind: 'external', allowHttp: false, cwd: system.cwd } as const;
  const now = clock.now();
  const named = parseEndpoint(endpoint, options);
  const target = registerTarget(db, named, { team: '', user: '', allowHttp: false, now });
  const by = 'test';
  const { id: targetId } = target;
  return grant(db, { targetId, checkoutId: checkout, by, fromNow: false, now, streams: STREAMS });
}

/** One drain of a route over the real network, as an operator asks for it. */
export function drainOnce(
  trial: LedgerTrial,
  route: Route,
  options: { readonly byOperator?: boolean; readonly signal?: AbortSignal } = {},
): Promise<DrainReport> {
  return drain({
    home: trial.home,
    db: trial.db,
    route,
    streams: STREAMS,
    byOperator: options.byOperator ?? true,
    signal: options.signal ?? new AbortController().signal,
    onProgress: () => {},
  });
}

/** A delivery as the ledger holds it. */
export interface LedgerRow {
  readonly seq: number;
  readonly state: string;
  readonly reason: string | null;
  readonly outcome: string | null;
  readonly attempts: number;
  readonly due_at: number;
}

/** Every delivery of a route's open pass, in capture order. */
export function ledgerRows(trial: LedgerTrial, route: Route): readonly LedgerRow[] {
  return trial.db.all<LedgerRow>(
    `SELECT seq, state, reason, outcome, attempts, due_at FROM event_deliveries_for_people
     WHERE gen_id = :genId ORDER BY seq`,
    { genId: trial.generation(route).id },
  );
}

/** How many deliveries are in which state, for what reason. */
export function tallyRows(trial: LedgerTrial, route: Route): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { state, reason } of ledgerRows(trial, route)) {
    const name = reason === null ? state : `${state} ${reason}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}
