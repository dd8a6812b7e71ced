import type { Clock, LogFields } from '../../base/index.ts';
import { HEADERS, type ItemResult } from '../../wire/index.ts';
import { requireVisitor } from '../auth.ts';
import type { Meters } from '../operations/meters.ts';
import type { Shares } from '../sharing/shares.ts';
import type { Store } from '../store/store.ts';
import { pushReceiver } from './bodies.ts';
import { type BatchReceipt, batchReceiver } from './events.ts';
import { type Here, postOf } from './here.ts';
import { rememberRefusal } from './refusal.ts';
import { snapshotReceiver } from './snapshots.ts';

interface Taking {
  readonly clock: Clock;
  readonly meters: Meters;
  readonly shares: Shares;
  readonly isStrict?: boolean;
}

export function takeBatches(
  store: Store,
  { clock, meters, shares, isStrict = false }: Taking,
): (c: Here) => Promise<Response> {
  const receive = batchReceiver(store, { isStrict, now: () => clock.now() }, shares);
  return async (c) => {
    const started = clock.monotonic();
    const receipt = await receive(postOf(c));
    if (receipt.results.some((each) => each.error_category === 'project_refused')) {
      await rememberRefusal(c, { store, clock });
    }
    meters.ingest.observe((clock.monotonic() - started) / 1_000);
    meters.bytes.add({ kind: 'events' }, receipt.requestBytes);
    for (const { status, error_category: code } of receipt.results) {
      meters.events.add({ result: status === 'rejected' ? (code ?? status) : status });
    }
    say(c, 'receiver.ingest', countsOf(receipt));
    return c.json({ results: receipt.results, server_instance_id: store.instanceId });
  };
}

export function takeBodies(
  store: Store,
  { clock, meters, shares }: Taking,
): (c: Here) => Promise<Response> {
  const receive = pushReceiver(store, () => clock.now(), shares);
  return async (c) => {
    const { status, answer, bytes } = await receive(postOf(c));
    meters.bodies.add({ status: String(status) });
    meters.bytes.add({ kind: 'bodies' }, bytes);
    say(c, 'receiver.body', { bytes });
    return c.json({ ...answer, server_instance_id: store.instanceId }, status);
  };
}

export function takeSnapshots(
  store: Store,
  { clock, meters, shares }: Taking,
): (c: Here) => Promise<Response> {
  const receive = snapshotReceiver(store, () => clock.now(), shares);
  return async (c) => {
    const labels = {
      idempotencyKey: c.req.header(HEADERS.idempotencyKey) ?? null,
      contentSha256: c.req.header(HEADERS.contentSha256) ?? null,
    };
    const { status, answer, bytes } = await receive(postOf(c), labels);
    meters.snapshots.add({ status: String(status) });
    meters.bytes.add({ kind: 'snapshots' }, bytes);
    say(c, 'receiver.snapshot', { bytes });
    return c.json({ ...answer, server_instance_id: store.instanceId }, status);
  };
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
