import { sha256Hex } from '../../../src/base/index.ts';
import {
  edited,
  editedResults,
  saying,
  type Sent,
  type Told,
  unfolded,
  without,
} from '../tampering-proxy.ts';
import {
  answering,
  asking,
  BATCH,
  BODIES,
  type Broken,
  HEALTH,
  instead,
  type Members,
  resulting,
  turning,
  withHeaders,
} from './ways.ts';

const FULL_EVENTS = 1_000;
const FULL_BYTES = 1_048_576;

const rejecting = (text: string): Told =>
  saying(200, {
    results: [{ ...idAndHash(text), status: 'rejected', error: 'not here' }],
    server_instance_id: 'another',
  });

function idAndHash(text: string): Members {
  const element = text.slice('{"events":['.length, -2);
  const { event_id } = JSON.parse(element) as Members;
  return { event_id, sha256: sha256Hex(element) };
}

const eventsIn = (text: string): number => text.split('"event_id"').length - 1;
const encoding = (sent: Sent): string => sent.headers['content-encoding'] ?? '';

/** Receivers that break one rule about events each. */
export const BROKEN_EVENTS: readonly Broken[] = [
  ['health.answers', 'health in words', () => instead(HEALTH, () => saying(200, 'fine'))],
  [
    'health.instance',
    'another instance each time',
    () => {
      let count = 0;
      return answering(HEALTH, (told) =>
        edited(told, (json) => ({ ...json, server_instance_id: `instance ${(count += 1)}` })),
      );
    },
  ],
  [
    'health.limits',
    'a limit of nothing',
    () =>
      answering(HEALTH, (told) => ({
        ...told,
        body: Buffer.from(
          told.body
            .toString()
            .replace(/"max_concurrent_batches":\d+/, '"max_concurrent_batches":0'),
        ),
      })),
  ],
  [
    'health.capabilities',
    'a capability in words',
    () =>
      answering(HEALTH, (told) =>
        edited(told, (json) => ({ ...json, capabilities: { bodies: 'yes' } })),
      ),
  ],
  [
    'health.discreet',
    'health that names the team to anybody',
    () =>
      answering(HEALTH, (told) =>
        edited(told, (json) => ({ ...json, identity: { team: 'local' } })),
      ),
  ],
  [
    'batch.no-redirect',
    'a redirect',
    () => instead(BATCH, () => ({ ...saying(302, {}), headers: { location: '/elsewhere' } })),
  ],
  [
    'batch.admits',
    'a door that stays closed',
    () => instead(BATCH, () => saying(403, { error: 'no' })),
  ],
  [
    'batch.empty',
    'an empty list that is fine',
    () =>
      instead(BATCH, (text) => (text === '{"events": []}' ? saying(200, { results: [] }) : null)),
  ],
  [
    'batch.stored',
    'a failure for every plain batch',
    () =>
      instead(BATCH, (text, sent) =>
        encoding(sent) === '' &&
        eventsIn(text) === 1 &&
        sent.headers['content-type'] !== 'text/plain'
          ? saying(500, {})
          : null,
      ),
  ],
  [
    'batch.gzip',
    'no gzip',
    () => instead(BATCH, (_, sent) => (encoding(sent) === 'gzip' ? saying(415, {}) : null)),
  ],
  [
    'batch.brotli',
    'br in words only',
    () => instead(BATCH, (_, sent) => (encoding(sent) === 'br' ? saying(415, {}) : null)),
  ],
  [
    'batch.encoding',
    'a compression that is not looked at',
    () =>
      asking(BATCH, (sent) =>
        encoding(sent) === 'compress'
          ? withHeaders(sent, { 'content-encoding': 'identity' })
          : sent,
      ),
  ],
  [
    'batch.media-type',
    'a media type that is not looked at',
    () => asking(BATCH, (sent) => withHeaders(sent, { 'content-type': 'application/json' })),
  ],
  ['batch.method', 'a GET that is fine', () => turning(BATCH, 405, 200)],
  [
    'batch.allow',
    'a 405 that does not say what else',
    () =>
      answering(BATCH, (told) => {
        const kept = Object.entries(told.headers).filter(([name]) => name !== 'allow');
        return { ...told, headers: Object.fromEntries(kept) };
      }),
  ],
  [
    'batch.invalid-json',
    'a failure for a list of something else',
    () => instead(BATCH, (text) => (text === '{"events":{}}' ? saying(500, { error: 'x' }) : null)),
  ],
  [
    'batch.damaged',
    'a failure for a cut body',
    () =>
      answering(BATCH, (told, sent) =>
        encoding(sent) === 'gzip' && told.status === 400 ? { ...told, status: 500 } : told,
      ),
  ],
  [
    'batch.error',
    'a page for people',
    () =>
      instead(BATCH, (text) =>
        text === '{"events":{}}'
          ? { status: 400, headers: {}, body: Buffer.from('<h1>Bad Request</h1>') }
          : null,
      ),
  ],
  [
    'batch.details',
    'a 400 without details',
    () =>
      answering(BATCH, (told) =>
        told.status === 400 ? edited(told, (json) => without(json, 'details')) : told,
      ),
  ],
  [
    'http.retry-after',
    'a 503 that does not say how long',
    () => {
      let count = 0;
      return instead(BATCH, () => ((count += 1) === 5 ? saying(503, { error: 'busy' }) : null));
    },
  ],
  [
    'http.retry-after',
    'a 429 that says to come again at once',
    () => {
      let count = 0;
      const busy = { ...saying(429, { error: 'busy' }), headers: { 'retry-after': '0' } };
      return instead(BODIES, () => ((count += 1) === 2 ? busy : null));
    },
  ],
  [
    'answer.complete',
    'a result too few',
    () => {
      return answering(BATCH, (told) => {
        if (told.status !== 200) return told;
        return edited(told, (json) => {
          const results = json['results'] as Members[];
          return { ...json, results: results.length > 1 ? results.slice(1) : results };
        });
      });
    },
  ],
  ['answer.id', 'no echo of the id', () => resulting((each) => without(each, 'event_id'))],
  [
    'answer.id',
    'ids in a spelling of its own',
    () => resulting((each) => ({ ...each, event_id: String(each['event_id']).toUpperCase() })),
  ],
  [
    'answer.order',
    'results in another order',
    () =>
      answering(BATCH, (told) =>
        told.status === 200
          ? edited(told, (json) => ({
              ...json,
              results: [...(json['results'] as Members[])].reverse(),
            }))
          : told,
      ),
  ],
  ['answer.sha256', 'no hash', () => resulting((each) => without(each, 'sha256'))],
  [
    'answer.sha256',
    'the hash of the event written again',
    () => async (sent, forward) => {
      const told = await forward(sent);
      const isPeculiar = sent.url === BATCH && unfolded(sent).includes('\\u006f');
      if (!isPeculiar) return told;
      const { events } = JSON.parse(unfolded(sent)) as { events: readonly unknown[] };
      return editedResults(told, (each, index) => ({
        ...each,
        sha256: sha256Hex(JSON.stringify(events[index])),
      }));
    },
  ],
  [
    'answer.instance',
    'another instance in the answer to a batch',
    () =>
      answering(BATCH, (told) =>
        edited(told, (json) => ({ ...json, server_instance_id: 'another' })),
      ),
  ],
  [
    'answer.duplicate',
    'duplicates swallowed',
    () =>
      resulting((each) => (each['status'] === 'duplicate' ? { ...each, status: 'success' } : each)),
  ],
  [
    'answer.repeat',
    'a batch that must not repeat itself',
    () => async (sent, forward) => {
      const seen = new Set<unknown>();
      const told = await forward(sent);
      if (sent.url !== BATCH) return told;
      return editedResults(told, (each) => {
        const isSecond = seen.has(each['event_id']);
        seen.add(each['event_id']);
        return isSecond ? { ...each, status: 'rejected' } : each;
      });
    },
  ],
  [
    'answer.conflict',
    'success for a conflict',
    () =>
      resulting((each) => (each['status'] === 'conflict' ? { ...each, status: 'success' } : each)),
  ],
  [
    'answer.first-kept',
    'a conflict that replaces the first',
    () => {
      const kept = new Map<unknown, unknown>();
      return resulting((each) => {
        const { event_id: id, sha256: hash, status } = each;
        if (status !== 'conflict' && !kept.has(id)) return each;
        const isKept = kept.get(id) === hash;
        kept.set(id, hash);
        return { ...each, status: isKept ? 'duplicate' : 'conflict' };
      });
    },
  ],
  [
    'answer.concurrent',
    'two at the same time that are both the first',
    () => {
      const underWay = new Map<string, Promise<Told>>();
      return async (sent, forward) => {
        const key = sent.url === BATCH && sent.method === 'POST' ? sha256Hex(sent.body) : '';
        const other = underWay.get(key);
        if (other !== undefined) return other;
        const own = forward(sent);
        if (key !== '') underWay.set(key, own);
        // The other one is on its way while this one is answered.
        await new Promise((resolve) => setTimeout(resolve, 20));
        const told = await own;
        underWay.delete(key);
        return told;
      };
    },
  ],
  [
    'answer.unknown-type',
    'types that must be known',
    () => instead(BATCH, (text) => (text.includes('ConformanceProbed') ? rejecting(text) : null)),
  ],
  [
    'answer.unvalidated',
    'payloads that must be valid',
    () => instead(BATCH, (text) => (text.includes('no work package') ? rejecting(text) : null)),
  ],
  [
    'answer.malformed',
    'one bad event that spoils its batch',
    () =>
      instead(BATCH, (text) =>
        text.includes('"event_type":""') ? saying(500, { error: 'crashed' }) : null,
      ),
  ],
  [
    'answer.code',
    'a rejection without a code',
    () =>
      resulting(({ error_category: code, ...rest }) =>
        code === 'schema_invalid' || code === undefined ? rest : { ...rest, error_category: code },
      ),
  ],
  [
    'answer.no-object',
    'a number that spoils its batch',
    () => instead(BATCH, (text) => (text.includes(',null,') ? saying(400, { error: 'x' }) : null)),
  ],
  [
    'damage.depth',
    'a reader that falls over depth',
    () => instead(BATCH, (text) => (text.includes('[[[[') ? { ...saying(0, {}) } : null)),
  ],
  [
    'damage.repeated-key',
    'a reader that falls over repeated keys',
    () => instead(BATCH, (text) => (text.includes('"further":1,') ? saying(500, {}) : null)),
  ],
  [
    'damage.surrogate',
    'a reader that falls over half a pair',
    () => instead(BATCH, (text) => (text.includes('\\ud83d') ? saying(500, {}) : null)),
  ],
  [
    'damage.utf8',
    'a reader that falls over what is no UTF-8',
    () => instead(BATCH, (text) => (text.includes('\ufffd') ? saying(500, {}) : null)),
  ],
  [
    'damage.number',
    'a reader that falls over long numbers',
    () => instead(BATCH, (text) => (text.includes('99999999') ? saying(500, {}) : null)),
  ],
  [
    'limit.full',
    'one event less than it says',
    () =>
      instead(BATCH, (text) =>
        eventsIn(text) === FULL_EVENTS ? saying(413, { error: 'x' }) : null,
      ),
  ],
  [
    'limit.full-bytes',
    'one byte less than it says',
    () =>
      instead(BATCH, (text) => (text.length === FULL_BYTES ? saying(413, { error: 'x' }) : null)),
  ],
  [
    'limit.events',
    'too many events that are a bad request',
    () =>
      answering(BATCH, (told, sent) =>
        told.status === 413 && eventsIn(unfolded(sent)) > 1 ? { ...told, status: 400 } : told,
      ),
  ],
  [
    'limit.bytes',
    'too many bytes that are a bad request',
    () =>
      answering(BATCH, (told, sent) =>
        told.status === 413 && eventsIn(unfolded(sent)) === 1 ? { ...told, status: 400 } : told,
      ),
  ],
  [
    'limit.named',
    'a 413 that does not name the limits',
    () =>
      answering(BATCH, (told) =>
        told.status === 413 ? edited(told, (json) => without(json, 'limits')) : told,
      ),
  ],
  [
    'limit.nothing-partial',
    'a 413 after the first event was stored',
    () => async (sent, forward) => {
      const told = await forward(sent);
      if (told.status !== 413 || sent.url !== BATCH) return told;
      const { events } = JSON.parse(unfolded(sent)) as { events: readonly unknown[] };
      const body = Buffer.from(JSON.stringify({ events: events.slice(0, 1) }));
      await forward({ ...withHeaders(sent, { 'content-encoding': 'identity' }), body });
      return told;
    },
  ],
  [
    'limit.event',
    'an event that is too large, without a word why',
    () =>
      resulting((each) =>
        each['error_category'] === 'payload_too_large'
          ? { ...each, error_category: 'other' }
          : each,
      ),
  ],
];
