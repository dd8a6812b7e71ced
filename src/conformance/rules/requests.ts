import { brotliCompressSync, gzipSync } from 'node:zlib';
import { asArray, asText, encodeBatch, member, PATHS } from '../../wire/index.ts';
import { postBatch, postFacts, statusIs, wordsAre } from '../batch.ts';
import type { Rule } from '../rule.ts';
import { every, fail, PASS, skipped, type Verdict, whether } from '../verdict.ts';
import type { Throttle, Visit } from '../visit.ts';

const BATCH = 'A batch';
const REFUSALS = 'Refusals by our receiver';
const EMPTY = Buffer.from('{"events": []}');
const ADMITTED = ['batch.admits'];
const STORING = ['batch.stored'];

/** How a batch may be sent, and what is refused as a whole. */
export const REQUEST_RULES: readonly Rule[] = [
  {
    id: 'batch.no-redirect',
    says: 'A batch is answered where it is posted, never with a redirect.',
    source: BATCH,
    probe: async (visit) => {
      const { seen } = await postBatch(visit, EMPTY);
      return whether(seen.status < 300 || seen.status >= 400, seen.said);
    },
  },
  {
    id: 'batch.admits',
    says: 'A caller with a token in force, or without one where none is needed, is let in.',
    source: 'Who asks',
    needs: ['batch.no-redirect'],
    probe: async (visit) => {
      const { seen } = await postBatch(visit, EMPTY);
      return whether(![0, 401, 403].includes(seen.status), seen.said);
    },
  },
  {
    id: 'batch.empty',
    says: 'An empty list is a 400 that says "No events provided".',
    source: REFUSALS,
    needs: ADMITTED,
    probe: async (visit) => {
      const { seen } = await postBatch(visit, EMPTY);
      const isSaid = seen.body.toString().includes('No events provided');
      return whether(seen.status === 400 && isSaid, seen.said);
    },
  },
  {
    id: 'batch.stored',
    says: 'A valid event in a plain body is stored.',
    source: BATCH,
    needs: ADMITTED,
    probe: async (visit) => wordsAre(await postFacts(visit, [visit.facts.next()]), ['stored']),
  },
  {
    id: 'batch.gzip',
    says: 'A body compressed with gzip is understood.',
    source: BATCH,
    needs: STORING,
    probe: (visit) => storesEncoded(visit, 'gzip', gzipSync),
  },
  {
    id: 'batch.brotli',
    says: 'A body compressed with br is understood where health says so.',
    source: BATCH,
    needs: STORING,
    asks: 'brotli',
    probe: (visit) => storesEncoded(visit, 'br', brotliCompressSync),
  },
  {
    id: 'batch.encoding',
    says: 'A compression that is not known is a 415.',
    source: REFUSALS,
    needs: ADMITTED,
    probe: async (visit) => {
      const facts = [visit.facts.next()];
      return statusIs((await postFacts(visit, facts, encoded('compress'))).seen, 415);
    },
  },
  {
    id: 'batch.media-type',
    says: 'A body that is not called JSON is a 415.',
    source: REFUSALS,
    needs: ADMITTED,
    probe: async (visit) => {
      const headers = { 'content-type': 'text/plain' };
      return statusIs((await postFacts(visit, [visit.facts.next()], { headers })).seen, 415);
    },
  },
  {
    id: 'batch.method',
    says: 'Another method than POST is a 405.',
    source: REFUSALS,
    needs: ADMITTED,
    probe: async (visit) => statusIs(await visit.ask({ path: PATHS.events }), 405),
  },
  {
    id: 'batch.allow',
    says: 'A 405 names in `allow` what is answered.',
    source: REFUSALS,
    needs: ['batch.method'],
    probe: async (visit) => {
      const { headers } = await visit.ask({ path: PATHS.events });
      const allow = headers['allow'] ?? '';
      return whether(/\bPOST\b/i.test(allow), `allow: ${allow}`);
    },
  },
  {
    id: 'batch.invalid-json',
    says: 'What is no batch in JSON is a 400.',
    source: REFUSALS,
    needs: ADMITTED,
    probe: async (visit) => {
      const verdicts: Verdict[] = [];
      for (const body of ['', '{"events":[{]}', '[]', '{"events":{}}', 'null']) {
        verdicts.push(statusIs((await postBatch(visit, Buffer.from(body))).seen, 400));
      }
      return every(verdicts);
    },
  },
  {
    id: 'batch.damaged',
    says: 'A body that is not what its compression says is a 400.',
    source: REFUSALS,
    needs: ['batch.gzip'],
    probe: async (visit) => {
      const body = gzipSync(encodeBatch([visit.facts.next().bytes]));
      const { seen } = await postBatch(visit, body.subarray(0, body.length / 2), encoded('gzip'));
      return statusIs(seen, 400);
    },
  },
  {
    id: 'batch.error',
    says: 'A refusal is a JSON object with the text `error`.',
    source: REFUSALS,
    needs: ['batch.invalid-json'],
    probe: async (visit) => {
      const { seen } = await postBatch(visit, Buffer.from('{"events":{}}'));
      return whether((asText(member(seen.json, 'error')) ?? '') !== '', seen.said);
    },
  },
  {
    id: 'batch.details',
    says: 'A 400 has the list `details`.',
    source: REFUSALS,
    needs: ['batch.error'],
    probe: async (visit) => {
      const { seen } = await postBatch(visit, Buffer.from('{"events":{}}'));
      return whether((asArray(member(seen.json, 'details')) ?? []).length > 0, seen.said);
    },
  },
];

/** What can be said once everything was asked. */
export const THROTTLE_RULES: readonly Rule[] = [
  {
    id: 'http.retry-after',
    says: 'A 429 or 503 says when to come again: seconds from 1 to 3600, or a date.',
    source: REFUSALS,
    probe: async (visit) => {
      if (visit.throttles.length === 0) return skipped('no 429 or 503 was seen');
      const odd = visit.throttles.find((each) => !isSane(each));
      if (odd === undefined) return PASS;
      return fail(`${odd.status} with retry-after: ${odd.retryAfter ?? 'none'}`);
    },
  },
];

const MAX_RETRY_SECONDS = 3600;

function isSane({ retryAfter }: Throttle): boolean {
  const text = retryAfter ?? '';
  if (!/^\d+$/.test(text)) return text.endsWith('GMT') && !Number.isNaN(Date.parse(text));
  return Number(text) >= 1 && Number(text) <= MAX_RETRY_SECONDS;
}

function encoded(encoding: string): { readonly headers: Readonly<Record<string, string>> } {
  return { headers: { 'content-encoding': encoding } };
}

async function storesEncoded(
  visit: Visit,
  encoding: string,
  compress: (bytes: Uint8Array) => Uint8Array,
): Promise<Verdict> {
  const fact = visit.facts.next();
  const body = compress(encodeBatch([fact.bytes]));
  return wordsAre(await postFacts(visit, [fact], { body, ...encoded(encoding) }), ['stored']);
}
