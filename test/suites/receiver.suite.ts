import { describe, expect, it } from 'vitest';
import { sha256Hex } from '../../src/base/index.ts';
import type { BatchReply, OutboundItem, Receiver } from '../../src/receivers/index.ts';
import { MAX_EVENT_BYTES } from '../../src/wire/index.ts';
import { envelopeBytes, eventId } from '../support/envelopes.ts';
import { bodiesStream } from '../../src/bodies/index.ts';
import { snapshotsStream } from '../../src/trackers/index.ts';
import { publish } from '../support/tracker-trial.ts';
import { redeliver } from '../../src/delivery/index.ts';
import { ledgerTrial, STREAMS } from '../support/ledger-trial.ts';
import { drainOnce, ledgerRows, permit } from './drain-trial.ts';

/** One kind of receiver, empty, with whatever it needs behind it. */
export interface Place {
  /** As an operator names it. */
  readonly endpoint: string;
  readonly receiver: Receiver;
  /** What it has stored, as `id sha256` in order of arrival. */
  holdings(): Promise<readonly string[]> | readonly string[];
}

/** What every kind of receiver must do alike: equal payloads leave equal verdicts and equal rows of the ledger. */
export function receiverSuite(name: string, open: () => Promise<Place>): void {
  describe(`the receiver contract: ${name}`, () => {
    it('stores new events in capture order and says so', async () => {
      const place = await open();
      const items = range(1, 20).map((n) => itemOf(n));
      expect(said(await deliver(place, items.slice(0, 8)))).toEqual(Array(8).fill('success'));
      expect(said(await deliver(place, items.slice(8)))).toEqual(Array(12).fill('success'));
      expect(await place.holdings()).toEqual(items.map(held));
    });

    it('knows events again, in any company and any order', async () => {
      const place = await open();
      await deliver(place, [itemOf(1), itemOf(2)]);
      const mixed = [itemOf(3), itemOf(2), itemOf(4), itemOf(1)];
      expect(said(await deliver(place, mixed))).toEqual([
        'success',
        'duplicate',
        'success',
        'duplicate',
      ]);
      expect(said(await deliver(place, mixed))).toEqual(Array(4).fill('duplicate'));
      expect(await place.holdings()).toEqual([1, 2, 3, 4].map((n) => held(itemOf(n))));
    });

    it('keeps the first of two events with one id and takes the others of the batch', async () => {
      const place = await open();
      await deliver(place, [itemOf(1)]);
      const other = itemOf(1, { payload: '{"other":true}' });
      const reply = await deliver(place, [itemOf(2), other, itemOf(3)]);
      expect(said(reply)).toEqual(['success', 'terminal_failed hash_conflict', 'success']);
      expect(reply.verdicts[1]?.detail).toMatch(/another event/);
      expect(said(await deliver(place, [other]))).toEqual(['terminal_failed hash_conflict']);
      expect(said(await deliver(place, [itemOf(1)]))).toEqual(['duplicate']);
      expect(await place.holdings()).toEqual([1, 2, 3].map((n) => held(itemOf(n))));
    });

    it('does nothing for nothing', async () => {
      const place = await open();
      expect(await deliver(place, [])).toMatchObject({
        verdicts: [],
        stop: null,
        requests: 0,
        strays: 0,
      });
      expect(await place.holdings()).toEqual([]);
    });

    it('keeps the bytes of every event as they are', async () => {
      const place = await open();
      const payloads = [
        '{"n":12345678901234567890,"one":1.0,"e":1e16,"zero":-0,"big":1e400}',
        '{"z":1,"a":2,"1":3,"text":"\\u00e9 é \\/ \\u2028 🚀 \\ud83d\\ude80"}',
        '{ "spaced" :  [ 1 , 2 ] }',
        `{"quotes":"${'\\"\\\\\\n'.repeat(500)}"}`,
        '{}',
      ];
      const items = payloads.map((payload, index) => itemOf(index + 1, { payload }));
      expect(said(await deliver(place, items))).toEqual(Array(payloads.length).fill('success'));
      expect(await place.holdings()).toEqual(items.map(held));
    });

    it('takes an event with line breaks between its tokens, and knows it again', async () => {
      const place = await open();
      const item = itemOf(1, { payload: '{\n  "a":\r\n 1\n}' });
      expect(said(await deliver(place, [item]))).toEqual(['success']);
      expect(said(await deliver(place, [item]))).toEqual(['duplicate']);
    });

    it('takes a thousand events at once, and the largest event there is', async () => {
      const place = await open();
      const many = range(1, 1000).map((n) => itemOf(n));
      expect(new Set(said(await deliver(place, many)))).toEqual(new Set(['success']));
      const room = MAX_EVENT_BYTES - envelopeBytes(1001, { payload: '{"x":""}' }).length;
      const largest = itemOf(1001, {
        payload: `{"x":"${'é'.repeat(room / 2)}${'y'.repeat(room % 2)}"}`,
      });
      expect(largest.bytes).toHaveLength(MAX_EVENT_BYTES);
      expect(said(await deliver(place, [largest]))).toEqual(['success']);
      expect(await place.holdings()).toEqual([...many, largest].map(held));
    });

    it('takes events, and is asked how it is without harm', async () => {
      const { receiver } = await open();
      expect(receiver.offers('events')).toBe(true);
      expect((await receiver.probe(new AbortController().signal)).kind).not.toBe('stopped');
    });

    it('takes a body behind its event, knows it again, and leaves the same rows as every other', async () => {
      const place = await open();
      if (!place.receiver.offers('bodies')) return;
      const trial = ledgerTrial();
      const texts = ['plain', '\ufeffmark\r\n\u0000', 'emoji 🚀', '\u0001'.repeat(524_288)];
      for (const [n, text] of texts.entries()) trial.upload(text, { path: `research/${n}.md` });
      const route = permit(trial, place.endpoint);
      const delivered = ['1 delivered', '2 delivered', '3 delivered', '4 delivered'];
      const report = await drainOnce(trial, route);
      expect(report).toMatchObject({ blocked: null, bodies: { selected: 4, failures: [] } });
      expect(report.bodies.outcomes).toMatchObject({ success: 4, duplicate: 0 });
      expect(trial.deliveries(route, bodiesStream)).toEqual(delivered);
      expect(trial.books(route, bodiesStream)).toMatchObject({ captured: 4, delivered: 4 });
      expect((await drainOnce(trial, route)).bodies).toMatchObject({ selected: 0, requests: 0 });

      redeliver(trial.db, { routeId: route.id, streams: STREAMS, now: trial.clock.now() });
      const again = await drainOnce(trial, route);
      expect(again).toMatchObject({ outcomes: { duplicate: 4 }, blocked: null });
      expect(again.bodies.outcomes).toMatchObject({ success: 0, duplicate: 4 });
      expect(trial.deliveries(route, bodiesStream)).toEqual(delivered);
    });

    it('takes a snapshot, knows it again, and leaves the same rows as every other', async () => {
      const place = await open();
      if (!place.receiver.offers('snapshots')) return;
      const trial = ledgerTrial();
      const route = permit(trial, place.endpoint);
      publish(trial, 'ACME');
      publish(trial, 'ACME');
      publish(trial, 'OTHER');
      const report = await drainOnce(trial, route);
      expect(report).toMatchObject({ blocked: null, snapshots: { selected: 2, failures: [] } });
      expect(report.snapshots.outcomes).toMatchObject({ success: 2, duplicate: 0 });
      expect(trial.deliveries(route, snapshotsStream)).toEqual(['1 delivered', '2 delivered']);
      expect(trial.books(route, snapshotsStream)).toMatchObject({ captured: 2, delivered: 2 });

      redeliver(trial.db, { routeId: route.id, streams: STREAMS, now: trial.clock.now() });
      const again = await drainOnce(trial, route);
      expect(again.snapshots.outcomes).toMatchObject({ success: 0, duplicate: 2 });
    });

    it('leaves the same rows in the ledger as every other', async () => {
      const place = await open();
      const trial = ledgerTrial();
      trial.capture(6);
      // It holds the second event already, and another one under the id of the fourth.
      await deliver(place, [itemOf(2), itemOf(4, { payload: '{"other":true}' })]);
      const route = permit(trial, place.endpoint);
      const report = await drainOnce(trial, route);
      expect(report).toMatchObject({
        selected: 6,
        outcomes: {
          success: 4,
          duplicate: 1,
          terminal_failed: 1,
          rejected: 0,
          transient: 0,
          pending: 0,
        },
        failures: [{ id: eventId(4), outcome: 'terminal_failed', category: 'hash_conflict' }],
        strays: 0,
        blocked: null,
      });
      const row = { state: 'delivered', reason: null, outcome: 'success', attempts: 1, due_at: 0 };
      const conflict = { state: 'parked', reason: 'hash_conflict', outcome: 'terminal_failed' };
      expect(ledgerRows(trial, route)).toEqual([
        { ...row, seq: 1 },
        { ...row, seq: 2, outcome: 'duplicate' },
        { ...row, seq: 3 },
        { ...row, seq: 4, ...conflict },
        { ...row, seq: 5 },
        { ...row, seq: 6 },
      ]);
      expect(trial.books(route)).toMatchObject({ captured: 6, delivered: 5, parked: 1, queued: 0 });

      trial.capture(2);
      expect(await drainOnce(trial, route)).toMatchObject({
        selected: 2,
        outcomes: { success: 2 },
      });
      expect(await drainOnce(trial, route)).toMatchObject({
        selected: 0,
        requests: 0,
        blocked: null,
      });
      const ids = (await place.holdings()).map((each) => each.split(' ')[0]);
      expect(ids).toEqual([2, 4, 1, 3, 5, 6, 7, 8].map((n) => eventId(n)));
    });
  });
}

/** An event ready to leave. */
function itemOf(n: number, options: { readonly payload?: string } = {}): OutboundItem {
  const bytes = envelopeBytes(n, options);
  return { seq: n, id: eventId(n), sha256: sha256Hex(bytes), bytes };
}

function held(item: OutboundItem): string {
  return `${item.id} ${item.sha256}`;
}

function deliver(place: Place, items: readonly OutboundItem[]): Promise<BatchReply> {
  return place.receiver.deliver('events', items, new AbortController().signal);
}

/** What was said about each item: the outcome, and the code with which it was refused. */
function said(reply: BatchReply): readonly string[] {
  return reply.verdicts.map((verdict) => {
    if (verdict === null) return `silence ${reply.stop?.code}`;
    const isRefused = verdict.outcome === 'terminal_failed' || verdict.outcome === 'rejected';
    return isRefused ? `${verdict.outcome} ${verdict.category}` : verdict.outcome;
  });
}

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
