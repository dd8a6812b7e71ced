import { randomInt } from 'node:crypto';
import process from 'node:process';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { attemptsOf, eventsStream, listParked, retryParked } from '../../src/delivery/index.ts';
import { drainOnce, permit, tallyRows } from '../suites/drain-trial.ts';
import { eventId } from '../support/envelopes.ts';
import { ledgerTrial } from '../support/ledger-trial.ts';
import {
  answerAll,
  idsOf,
  recordingServer,
  type Recorded,
  type Reply,
} from '../support/recording-server.ts';

const EVENTS = 1_000;
const CODES = ['schema_invalid', 'unknown_event_type', 'erased'];
const SEED = Number(process.env['HOSTILE_SEED'] ?? randomInt(2 ** 31));

process.stderr.write(`poison events: again with HOSTILE_SEED=${SEED}\n`);

/** Three different numbers of events; the same for the same seed. */
function drawPoison(round: number): readonly string[] {
  const places = fc.uniqueArray(fc.integer({ min: 1, max: EVENTS }), {
    minLength: 3,
    maxLength: 3,
  });
  const [drawn = []] = fc.sample(places, { seed: SEED + round, numRuns: 1 });
  return drawn.map((n) => eventId(n));
}

interface Ward {
  readonly name: string;
  /** The answer to a batch that holds `bad` of the poison. */
  readonly refuse: (request: Recorded, bad: readonly string[], poison: readonly string[]) => Reply;
  /** The reason with which the poison at `index` is parked. */
  readonly reasonOf: (index: number) => { readonly code: string; readonly detail: string };
  readonly maxRequests: number;
}

const ownReason = (index: number): { code: string; detail: string } => ({
  code: CODES[index] ?? '',
  detail: `reason ${index}`,
});

const WARDS: readonly Ward[] = [
  {
    name: 'answers each event',
    refuse: (request, bad, poison) => {
      const results = idsOf(request.body).map((event_id) => {
        const index = poison.indexOf(event_id);
        if (!bad.includes(event_id)) return { event_id, status: 'success' };
        const { code, detail } = ownReason(index);
        return { event_id, status: 'rejected', error: detail, error_category: code };
      });
      return { status: 200, body: JSON.stringify({ results }) };
    },
    reasonOf: ownReason,
    maxRequests: 1,
  },
  {
    name: 'refuses the batch and names the culprits',
    refuse: (_request, bad, poison) => {
      const details = bad.map((event_id) => {
        const { code, detail } = ownReason(poison.indexOf(event_id));
        return { event_id, detail, code };
      });
      return { status: 400, body: JSON.stringify({ error: 'batch validation failed', details }) };
    },
    reasonOf: ownReason,
    maxRequests: 2,
  },
  {
    name: 'refuses all or nothing',
    refuse: (_request, bad, poison) => {
      const error = `cannot take ${bad.length}, the first is number ${poison.indexOf(bad[0] ?? '')}`;
      return { status: 400, body: JSON.stringify({ error }) };
    },
    reasonOf: (index) => ({
      code: 'bad_request',
      detail: `refused when sent alone: HTTP 400: cannot take 1, the first is number ${index}`,
    }),
    maxRequests: 2 * 3 * Math.log2(EVENTS) + 2,
  },
];

const HEALTH = JSON.stringify({
  sync_ingress: {
    limits: { max_events_per_batch: EVENTS, max_decompressed_bytes_per_batch: 4_194_304 },
  },
});

it.each(WARDS.map((ward) => [ward.name, ward] as const))(
  'a thousand events with three that are refused, at a receiver that %s',
  async (_name, ward) => {
    for (let round = 0; round < 3; round += 1) {
      const poison = drawPoison(round);
      const fixed = { isFixed: false };
      const server = await recordingServer((request) => {
        if (request.method === 'GET') return { status: 200, body: HEALTH };
        const bad = idsOf(request.body).filter((id) => !fixed.isFixed && poison.includes(id));
        return bad.length === 0 ? answerAll(request) : ward.refuse(request, bad, poison);
      });
      const trial = ledgerTrial();
      trial.capture(EVENTS);
      const route = permit(trial, server.url);
      const report = await drainOnce(trial, route);
      expect(report.blocked).toBeNull();
      expect(report.requests).toBeLessThanOrEqual(ward.maxRequests);
      expect(report.requests).toBe(server.batches().length);
      expect(trial.books(route)).toMatchObject({ delivered: 997, parked: 3, queued: 0 });

      const parked = listParked(trial.db, eventsStream);
      const wanted = poison.map((id, index) => ({ id, ...ward.reasonOf(index) }));
      expect(parked.map(({ id, code, detail }) => ({ id, code, detail }))).toEqual(
        parked.map(({ id }) => wanted.find((each) => each.id === id)),
      );
      expect(new Set(parked.map(({ id }) => id))).toEqual(new Set(poison));
      for (const { genId, seq } of parked) expect(attemptsOf(trial.db, genId, seq)).toHaveLength(1);

      // Nothing of it is tried again until somebody says so.
      expect(await drainOnce(trial, route)).toMatchObject({ selected: 0, requests: 0 });
      fixed.isFixed = true;
      retryParked(trial.db, eventsStream, parked);
      expect(await drainOnce(trial, route)).toMatchObject({
        selected: 3,
        outcomes: { success: 3 },
      });
      expect(tallyRows(trial, route)).toEqual({ delivered: EVENTS });
      expect(trial.books(route)).toMatchObject({ delivered: EVENTS, parked: 0 });
    }
  },
);
