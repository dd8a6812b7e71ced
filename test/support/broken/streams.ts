import { edited, saying, type Tamper, without } from '../tampering-proxy.ts';
import {
  answering,
  BATCH,
  BODIES,
  type Broken,
  instead,
  LIST,
  type Members,
  SNAPSHOTS,
  turning,
  withHeaders,
} from './ways.ts';

const CALLERS_BROKEN: readonly Broken[] = [
  ['caller.no-token', 'a batch from anybody', (token) => welcoming(BATCH, token)],
  ['caller.bodies', 'a body from anybody', (token) => welcoming(BODIES, token)],
  ['caller.snapshots', 'a snapshot from anybody', (token) => welcoming(SNAPSHOTS, token)],
  [
    'caller.wrong-token',
    'a 400 for a token that is none',
    () =>
      answering(BATCH, (told, { headers }) =>
        told.status === 401 && headers['authorization'] === 'Bearer x'
          ? { ...told, status: 400 }
          : told,
      ),
  ],
  [
    'caller.one-answer',
    'a word about the form of a token',
    () =>
      answering(BATCH, (told, { headers }) =>
        told.status === 401 && headers['authorization']?.startsWith('Bearer skt_') === true
          ? edited(told, (json) => ({ detail: 'no such token', ...json }))
          : told,
      ),
  ],
  [
    'caller.nothing-stored',
    'a 401 after the event was stored',
    (token) => async (sent, forward) => {
      const told = await forward(sent);
      const isStored = told.status === 401 && sent.url === BATCH;
      if (isStored) await forward(withHeaders(sent, { authorization: `Bearer ${token}` }));
      return told;
    },
  ],
];

const BODIES_BROKEN: readonly Broken[] = [
  ['body.namespace', 'one code for both 404', () => coding('namespace_not_found', 'not_found')],
  ['body.index', 'the other code', () => coding('index_entry_not_found', 'namespace_not_found')],
  ['body.stored', 'a 202', () => turning(BODIES, 201, 202)],
  ['body.repeat', 'a 201 each time', () => turning(BODIES, 200, 201)],
  [
    'body.echo',
    'no hash in the answer',
    () => answering(BODIES, (told) => edited(told, (json) => without(json, 'content_hash'))),
  ],
  [
    'body.status',
    'no status in the answer',
    () => answering(BODIES, (told) => edited(told, (json) => without(json, 'status'))),
  ],
  [
    'body.hash',
    'a hash that is not compared',
    () => instead(BODIES, (text) => (text.includes('another text') ? saying(201, {}) : null)),
  ],
  [
    'body.path',
    'a path that is not looked at',
    () => instead(BODIES, (text) => (text.includes('"../') ? saying(404, {}) : null)),
  ],
  [
    'body.limit',
    'a limit of one byte less',
    () => instead(BODIES, (text) => (lengthIn(text) === 524_288 ? saying(413, {}) : null)),
  ],
  [
    'body.too-large',
    'no limit',
    () => instead(BODIES, (text) => (lengthIn(text) > 524_288 ? saying(201, {}) : null)),
  ],
  [
    'body.vocabulary',
    'the first vocabulary alone',
    () => instead(BODIES, (text) => (text.includes('"mission_type"') ? saying(400, {}) : null)),
  ],
  [
    'body.version',
    'one text for each path',
    () => {
      const kept = new Map<string, unknown>();
      return instead(BODIES, (text, { headers }) => {
        if (headers['authorization'] === undefined) return null;
        const push = JSON.parse(text) as Members;
        const place = `${String(push['feature_slug'])} ${String(push['artifact_path'])}`;
        const hash = kept.get(place) ?? push['content_hash'];
        kept.set(place, hash);
        return hash === push['content_hash'] ? null : saying(200, { status: 'already_exists' });
      });
    },
  ],
  [
    'body.verbatim',
    'texts without their byte order mark',
    () =>
      answering('/api/v1/bodies/', (told) => ({
        ...told,
        body: Buffer.from(told.body.toString().replace('\ufeff', '')),
      })),
  ],
];

const SNAPSHOTS_BROKEN: readonly Broken[] = [
  ['snapshot.stored', 'a 202', () => turning(SNAPSHOTS, 201, 202)],
  ['snapshot.repeat', 'a 201 each time', () => turning(SNAPSHOTS, 200, 201)],
  [
    'snapshot.newer',
    'a key that decides alone',
    () => {
      const kept = new Map<unknown, unknown>();
      return instead(SNAPSHOTS, (_, { headers }) => {
        const { 'idempotency-key': key, 'x-content-sha256': hash } = headers;
        const first = kept.get(key) ?? hash;
        kept.set(key, first);
        return first === hash || key === undefined ? null : saying(200, {});
      });
    },
  ],
  [
    'snapshot.echo',
    'no key in the answer',
    () => answering(SNAPSHOTS, (told) => edited(told, (json) => without(json, 'idempotency_key'))),
  ],
  ['snapshot.hash', 'a hash that is not compared', () => turning(SNAPSHOTS, 422, 201)],
  ['snapshot.malformed', 'a failure for what is none', () => turning(SNAPSHOTS, 400, 500)],
];

const READING_BROKEN: readonly Broken[] = [
  [
    'read.pages',
    'a bare list',
    () => answering(LIST, (told) => edited(told, (json) => json['items'])),
  ],
  ['read.closed', 'a list for anybody', (token) => welcoming(LIST, token)],
  ['read.order', 'the newest first', () => listing((items) => [...items].reverse())],
  [
    'read.verbatim',
    'an event written again',
    () =>
      answering('/api/v1/events/', (told, { url }) =>
        url.startsWith(LIST) || url === BATCH ? told : edited(told, (json) => json),
      ),
  ],
  [
    'read.books',
    'an event that was acknowledged and lost',
    () => listing((items) => items.filter(({ type }) => type !== 'ConformanceProbed')),
  ],
  [
    'read.books',
    'an event that is listed twice',
    () =>
      listing((items) =>
        items.flatMap((item) => (item['type'] === 'ConformanceProbed' ? [item, item] : [item])),
      ),
  ],
];

function listing(change: (items: readonly Members[]) => readonly Members[]): Tamper {
  return answering(LIST, (told) =>
    told.status === 200
      ? edited(told, (json) => ({ ...json, items: change(json['items'] as readonly Members[]) }))
      : told,
  );
}

/** Lets in who brings no token. */
function welcoming(path: string, token: string): Tamper {
  return (sent, forward) => {
    const isStranger = sent.url.startsWith(path) && sent.headers['authorization'] === undefined;
    return forward(isStranger ? withHeaders(sent, { authorization: `Bearer ${token}` }) : sent);
  };
}

/** Another code in the refusals of bodies. */
function coding(from: string, to: string): Tamper {
  return answering(BODIES, (told) =>
    edited(told, (json) =>
      json['error_code'] === from ? { ...json, error: to, error_code: to } : json,
    ),
  );
}

/** Bytes of the text that a push carries. */
function lengthIn(text: string): number {
  const { content_body: body } = JSON.parse(text) as Members;
  return typeof body === 'string' ? Buffer.byteLength(body) : 0;
}

/** Receivers that break one rule about callers, bodies, snapshots or reading each. */
export const BROKEN_STREAMS: readonly Broken[] = [
  ...CALLERS_BROKEN,
  ...BODIES_BROKEN,
  ...SNAPSHOTS_BROKEN,
  ...READING_BROKEN,
];
