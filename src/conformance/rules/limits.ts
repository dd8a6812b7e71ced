import { gzipSync } from 'node:zlib';
import { asObject, encodeBatch, MAX_EVENT_BYTES, member } from '../../wire/index.ts';
import { isRefusedAs, nothingIsHeld, postFacts, statusIs, wordsAre } from '../batch.ts';
import type { Fact } from '../facts.ts';
import type { Rule } from '../rule.ts';
import { skipped, type Verdict, whether } from '../verdict.ts';
import type { Seen, Visit } from '../visit.ts';
import { FRAME_BYTES } from './answers.ts';

const SOURCE = 'A batch';
const REFUSALS = 'Refusals by our receiver';
const NEEDS = ['batch.gzip', 'health.limits'];
const GZIP = { headers: { 'content-encoding': 'gzip' } };

/** Beyond these a probe would be an attack. */
const MAX_EVENTS_TRIED = 5_000;
const MAX_BYTES_TRIED = 64 * 1024 * 1024;

/** The limits that health names: what fits is taken, what does not is refused as a whole. */
export const LIMIT_RULES: readonly Rule[] = [
  {
    id: 'limit.full',
    says: 'A batch of as many events as health allows is taken.',
    source: SOURCE,
    needs: [...NEEDS, 'answer.repeat'],
    asks: 'limits',
    probe: (visit) =>
      withinReason(visit, async ({ events, bytes }) => {
        const fact = visit.facts.next();
        const fitting = Math.floor((bytes - FRAME_BYTES) / (fact.bytes.length + 1));
        const facts = Array.from({ length: Math.min(events, fitting) }, () => fact);
        return statusIs((await postFacts(visit, facts)).seen, 200);
      }),
  },
  {
    id: 'limit.full-bytes',
    says: 'A batch of as many bytes as health allows, before compression, is taken.',
    source: SOURCE,
    needs: NEEDS,
    asks: 'limits',
    probe: (visit) =>
      withinReason(visit, async ({ bytes }) => {
        const fact = visit.facts.next();
        const body = padded(fact, bytes);
        return wordsAre(await postFacts(visit, [fact], { body, ...GZIP }), ['stored']);
      }),
  },
  {
    id: 'limit.events',
    says: 'A batch of one event more is a 413.',
    source: REFUSALS,
    needs: NEEDS,
    asks: 'limits',
    probe: (visit) =>
      withinReason(visit, async (limits) => statusIs(await tooMany(visit, limits), 413)),
  },
  {
    id: 'limit.bytes',
    says: 'A batch of one byte more, before compression, is a 413.',
    source: REFUSALS,
    needs: NEEDS,
    asks: 'limits',
    probe: (visit) =>
      withinReason(visit, async (limits) => statusIs(await tooLarge(visit, limits), 413)),
  },
  {
    id: 'limit.named',
    says: 'A 413 names the limits, the same as health.',
    source: REFUSALS,
    needs: ['limit.bytes'],
    asks: 'limits',
    probe: (visit) =>
      withinReason(visit, async (limits) => {
        const seen = await tooLarge(visit, limits);
        const named = asObject(member(seen.json, 'limits')) ?? {};
        const isKept =
          member(named, 'max_events_per_batch') === limits.events &&
          member(named, 'max_decompressed_bytes_per_batch') === limits.bytes;
        return whether(isKept, seen.said);
      }),
  },
  {
    id: 'limit.nothing-partial',
    says: 'Of a batch that is a 413 nothing is stored.',
    source: REFUSALS,
    needs: ['answer.order', 'limit.events', 'limit.bytes'],
    asks: 'limits',
    probe: (visit) => nothingIsHeld(visit, 413),
  },
  {
    id: 'limit.event',
    says: 'An event of more than 524,275 bytes is refused by itself as `payload_too_large`, where its batch fits.',
    source: 'The envelope',
    needs: NEEDS,
    asks: 'limits',
    probe: (visit) =>
      withinReason(visit, async ({ bytes }) => {
        const fact = visit.facts.next({ further: 'x'.repeat(MAX_EVENT_BYTES) });
        if (fact.bytes.length + FRAME_BYTES > bytes) return skipped('no batch has room for one');
        return isRefusedAs(await postFacts(visit, [fact]), 0, ['payload_too_large']);
      }),
  },
];

interface Allowed {
  readonly events: number;
  readonly bytes: number;
}

async function withinReason(
  { health }: Visit,
  probe: (limits: Allowed) => Promise<Verdict>,
): Promise<Verdict> {
  const events = health?.limits.maxEventsPerBatch ?? 0;
  const bytes = health?.limits.maxDecompressedBytesPerBatch ?? 0;
  if (events > MAX_EVENTS_TRIED || bytes > MAX_BYTES_TRIED) {
    return skipped(`${events} events and ${bytes} bytes are more than is tried`);
  }
  return probe({ events, bytes });
}

async function tooMany(visit: Visit, { events }: Allowed): Promise<Seen> {
  const facts = Array.from({ length: events + 1 }, () => visit.facts.next());
  const body = gzipSync(encodeBatch(facts.map(({ bytes }) => bytes)));
  return (await postFacts(visit, facts, { body, ...GZIP })).seen;
}

async function tooLarge(visit: Visit, { bytes }: Allowed): Promise<Seen> {
  const fact = visit.facts.next();
  return (await postFacts(visit, [fact], { body: padded(fact, bytes + 1), ...GZIP })).seen;
}

/** A batch of one event that unfolds to so many bytes. */
function padded(fact: Fact, bytes: number): Buffer {
  const spaces = ' '.repeat(Math.max(bytes - FRAME_BYTES - fact.bytes.length, 0));
  return gzipSync(`{"events":[${fact.bytes.toString()}${spaces}]}`);
}
