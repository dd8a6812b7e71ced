import type { Clock, LogFields } from '../../base/index.ts';
import { HEADERS, type ItemResult } from '../../wire/index.ts';
import { requireVisitor } from '../auth.ts';
import type { Meters } from '../operations/meters.ts';
import type { Shares } from '../sharing/shares.ts';
import type { Store } from '../store/store.ts';
import { batchOf, type Fate, sumsOf } from '../statistics/tally.ts';
import type { Statistics } from '../statistics/statistics.ts';
import { type PushReceipt, pushReceiver } from './bodies.ts';
import { type BatchReceipt, batchReceiver } from './events.ts';
import { type Handler, type Here, postOf } from './here.ts';
import { rememberRefusal } from './refusal.ts';
import { type SnapshotReceipt, snapshotReceiver } from './snapshots.ts';

/** What taking needs of the receiver. */
export interface Taking {
  readonly store: Store;
  readonly clock: Clock;
  readonly isStrict?: boolean;
  readonly meters: Meters;
  readonly shares: Shares;
  readonly statistics: Statistics;
}

/** The routes that take what is sent. */
export function takingHandlers(
  taking: Taking,
): Readonly<Record<'takeBatch' | 'takeBody' | 'takeSnapshot', Handler>> {
  return {
    takeBatch: takeBatches(taking),
    takeBody: takeBodies(taking),
    takeSnapshot: takeSnapshots(taking),
  };
}

function takeBatches(taking: Taking): Handler {
  const { store, clock, meters, statistics, shares, isStrict = false } = taking;
  const receive = batchReceiver(store, { isStrict, now: () => clock.now() }, shares);
  return async (c) => {
    const started = clock.monotonic();
    const receipt = await receive(postOf(c));
    if (receipt.results.some((each) => each.error_category === 'project_refused')) {
      await rememberRefusal(c, { store, clock });
    }
    meters.ingest.observe((clock.monotonic() - started) / 1_000);
    meters.bytes.add({ kind: 'events' }, receipt.requestBytes);
    for (const { result } of receipt.fates) meters.events.add({ result });
    const events = sumsOf('events', receipt.fates);
    statistics.note(requireVisitor(c.var.visitor).team, [...events, ...batchOf(events)]);
    say(c, 'receiver.ingest', countsOf(receipt));
    return c.json({ results: receipt.results, server_instance_id: store.instanceId });
  };
}

function takeBodies({ store, clock, meters, statistics, shares }: Taking): Handler {
  const receive = pushReceiver(store, () => clock.now(), shares);
  return async (c) => {
    const receipt = await receive(postOf(c));
    const { status, answer, bytes } = receipt;
    meters.bodies.add({ status: String(status) });
    meters.bytes.add({ kind: 'bodies' }, bytes);
    statistics.note(requireVisitor(c.var.visitor).team, sumsOf('bodies', [fateOf(receipt)]));
    say(c, 'receiver.body', { bytes });
    return c.json({ ...answer, server_instance_id: store.instanceId }, status);
  };
}

function takeSnapshots({ store, clock, meters, statistics, shares }: Taking): Handler {
  const receive = snapshotReceiver(store, () => clock.now(), shares);
  return async (c) => {
    const labels = {
      idempotencyKey: c.req.header(HEADERS.idempotencyKey) ?? null,
      contentSha256: c.req.header(HEADERS.contentSha256) ?? null,
    };
    const receipt = await receive(postOf(c), labels);
    const { status, answer, bytes } = receipt;
    meters.snapshots.add({ status: String(status) });
    meters.bytes.add({ kind: 'snapshots' }, bytes);
    statistics.note(requireVisitor(c.var.visitor).team, sumsOf('snapshots', [fateOf(receipt)]));
    say(c, 'receiver.snapshot', { bytes });
    return c.json({ ...answer, server_instance_id: store.instanceId }, status);
  };
}

function fateOf({ status, projectId, bytes }: PushReceipt | SnapshotReceipt): Fate {
  return { projectId, bytes, rule: '', result: status === 201 ? 'success' : 'duplicate' };
}

/** Who sent something, by ids alone: names and addresses of people stay out of the log. */
function senderOf(c: Here): Readonly<Record<'team' | 'token' | 'session', string | null>> {
  const { team, actor } = requireVisitor(c.var.visitor);
  return {
    team,
    token: actor.kind === 'token' ? actor.token.id : null,
    session: actor.kind === 'person' ? actor.access.session.id : null,
  };
}

function countsOf({ results, requestBytes, batchBytes }: BatchReceipt): Record<string, number> {
  const counts: Record<string, number> = { requestBytes, batchBytes, events: results.length };
  for (const result of results) {
    for (const name of namesOf(result)) counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

function namesOf({ status, category }: ItemResult): readonly string[] {
  return category === undefined ? [status] : [status, category];
}

/** What the line of this request says beside its route and its status. */
function say(c: Here, event: string, fields: LogFields): void {
  c.set('line', { level: 'info', event, fields: { ...senderOf(c), ...fields } });
}
