import { expect, it } from 'vitest';
import { sha256Hex } from '../../src/base/index.ts';
import { transition } from '../../src/delivery/index.ts';
import { classifyPush, type OutboundItem } from '../../src/receivers/index.ts';

const NOW = Date.UTC(2026, 2, 14, 9, 26, 53);
const BYTES = Buffer.from('# hi\n');
const PATH = 'research/notes.md';
const ITEM: OutboundItem = { seq: 1, id: 'a', sha256: sha256Hex(BYTES), bytes: BYTES };
const OTHER_HASH = 'f'.repeat(64);

const ECHO = { artifact_path: PATH, content_hash: ITEM.sha256 };
const EXACT = ['stored', 'already_exists'].map((status) => JSON.stringify({ status, ...ECHO }));

/** Twenty kinds of answers: exact ones, almost exact ones, refusals in every spelling, and no answers at all. */
const BODIES: readonly (string | Buffer)[] = [
  ...EXACT,
  JSON.stringify({ status: 'stored', ...ECHO, content_hash: OTHER_HASH }),
  JSON.stringify({ status: 'already_exists', ...ECHO, artifact_path: 'spec.md' }),
  JSON.stringify({ status: 'stored' }),
  JSON.stringify({ status: 'rejected', ...ECHO }),
  JSON.stringify({ error: 'index_entry_not_found' }),
  JSON.stringify({ error: 'namespace_not_found' }),
  JSON.stringify({ error_code: 'NAMESPACE_NOT_FOUND', detail: 'bad_request' }),
  JSON.stringify({ error: { code: 'namespace_not_found' }, detail: ['hash_conflict'] }),
  JSON.stringify({ content_body: ['may not be blank'], mission_key: 'unknown \u001b[31m\u202e' }),
  JSON.stringify({ error: 'erased', detail: 'project_refused', retry_after: 30 }),
  JSON.stringify({ limits: { max_body_bytes: 1, max_decompressed_bytes_per_batch: -1 } }),
  JSON.stringify([{ error: 'namespace_not_found' }]),
  '"bad_request"',
  'null',
  '{"error":"namespace_',
  '<html><h1>502</h1></html>',
  '',
  Buffer.from([0xff, 0xfe, 0x00, 0x7b]),
];
const HALTING = [401, 403];
const WAITING = [408, 425, 429];

/** The one word that an answer may be read as, judged with none of the product's code. */
function expected(status: number, body: string | Buffer): string {
  if (HALTING.includes(status)) return 'halt';
  if (WAITING.includes(status) || status >= 500) return 'backoff';
  if (status === 400) return 'parked bad_request';
  if (status === 404 && body === JSON.stringify({ error: 'namespace_not_found' }))
    return 'parked namespace_not_found';
  if (status === 413 && String(body).includes('max_body_bytes')) return 'parked payload_too_large';
  const isExact = EXACT.includes(String(body));
  return (status === 200 || status === 201) && isExact ? 'delivered' : 'queued';
}

function read(status: number, body: string | Buffer): string {
  const answer = { status, body: Buffer.from(body), retryAfter: null, location: null };
  const context = { item: ITEM, artifactPath: PATH, requestBytes: 300, maxBytes: null, now: NOW };
  const reading = classifyPush(answer, context);
  const detail = reading.kind === 'stop' ? reading.stop.detail : reading.verdict.detail;
  expect(detail === null || !/[\p{Cc}\p{Cs}\u2028-\u202e\u2066-\u2069]/u.test(detail)).toBe(true);
  if (reading.kind === 'stop') return reading.stop.kind;
  const queued = { state: 'queued', reason: null, attempts: 0, dueAt: 0 } as const;
  const next = transition(queued, reading.verdict, NOW);
  const reason = next?.reason ?? null;
  return reason === null ? (next?.state ?? 'nothing') : `${next?.state} ${reason}`;
}

it('every status with every kind of answer is read as what it says and nothing more', () => {
  expect(BODIES).toHaveLength(20);
  const wrong: string[] = [];
  for (let status = 100; status <= 599; status += 1) {
    for (const body of BODIES) {
      const [ours, wanted] = [read(status, body), expected(status, body)];
      if (ours !== wanted) wrong.push(`${status} ${String(body)}: ${ours}, not ${wanted}`);
    }
  }
  expect(wrong).toEqual([]);
});

it('an answer as long as answers may be, and as deep, is no more than an answer', () => {
  const deep = '['.repeat(100_000);
  const long = JSON.stringify({ detail: 'x'.repeat(900_000), a: ['é🚀'.repeat(1000)] });
  for (const body of [deep, long]) {
    for (const status of [200, 400, 404, 413, 500]) {
      expect(read(status, body)).toBe(expected(status, body));
    }
  }
});
