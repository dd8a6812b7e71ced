import { randomInt } from 'node:crypto';
import process from 'node:process';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { sha256Hex } from '../../src/base/index.ts';
import { transition } from '../../src/delivery/index.ts';
import { classify, type OutboundItem } from '../../src/receivers/index.ts';
import { TERMINAL_CODES } from '../../src/wire/index.ts';
import { brokenRule } from './answer-rules.ts';
import { drawing, pick, type Draw } from './seeded.ts';

const STRUCTURED = Number(process.env['HOSTILE_STRUCTURED'] ?? 4_000);
const MUTATED = Number(process.env['HOSTILE_MUTATED'] ?? 50_000);
const SEED = Number(process.env['HOSTILE_SEED'] ?? randomInt(2 ** 31));
/** Far above what any answer of this size takes, far below what would be noticed as a hang. */
const LONGEST_MS = 2_000;
const HOUR_MS = 3_600_000;
const NOW = Date.UTC(2026, 2, 14, 9, 26, 53);

process.stderr.write(
  `hostile answers: ${STRUCTURED} structured, ${MUTATED} mutated; again with HOSTILE_SEED=${SEED}\n`,
);

const ITEMS: readonly OutboundItem[] = [1, 2, 3, 4].map((seq) => {
  const bytes = Buffer.from(`{"event_id":"01KVYWRG00E${seq}","pad":"${'x'.repeat(seq * 20)}"}`);
  return { seq, id: `01KVYWRG00E${seq}`, sha256: sha256Hex(bytes), bytes };
});

/** Reads one answer and fails on the first rule that the reading breaks. Gives the words it was read as. */
function judge(
  status: number,
  body: Uint8Array,
  options: { count: number; maxBytes: number | null },
): string {
  const answer = { status, body, retryAfter: null, location: null };
  const context = { items: ITEMS.slice(0, options.count), maxBytes: options.maxBytes, now: NOW };
  const started = performance.now();
  const reading = classify(answer, context);
  const took = performance.now() - started;
  const broken = took > LONGEST_MS ? `took ${took} ms` : brokenRule(answer, context, reading);
  if (broken !== null) {
    throw new Error(
      `${broken}\n${status} ${Buffer.from(body).toString()}\n${JSON.stringify(reading)}`,
    );
  }
  if (reading.meaning.kind !== 'items') return reading.meaning.kind;
  return reading.meaning.verdicts
    .map((verdict) => {
      if (verdict === null) return 'silence';
      const queued = { state: 'queued', reason: null, attempts: 0, dueAt: 0 } as const;
      const next = transition(queued, verdict, NOW);
      const isParked = next?.state === 'parked';
      if (isParked !== (verdict.outcome === 'terminal_failed'))
        throw new Error(JSON.stringify(verdict));
      return verdict.outcome;
    })
    .join(' ');
}

const json = fc.jsonValue({ maxDepth: 2 });
const junk = fc.oneof(
  json,
  fc.constantFrom(null, '', ' ', [], {}, 0, -1, 1e308, '\u0000', '__proto__', '\ud800'),
);
const status = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom('success', 'accepted', 'stored', 'warning', 'duplicate', 'rejected'),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom('conflict', 'pending', 'queued', ' Success\n', 'DUPLICATE', 'ok'),
  },
  { weight: 1, arbitrary: junk },
);
const code = fc.oneof(
  fc.constantFrom(...TERMINAL_CODES),
  fc.constantFrom(
    ' HASH_CONFLICT ',
    'terminal_failed',
    'payload too large',
    'busy',
    '',
    'bad_request.',
  ),
  junk,
);
const id = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...ITEMS.map((item) => item.id)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('unknown', '__proto__', 'constructor', ` ${ITEMS[0]?.id}`),
  },
  { weight: 1, arbitrary: junk },
);
const hash = fc.oneof(
  fc.constantFrom(...ITEMS.map((item) => item.sha256)),
  fc.constantFrom(ITEMS[0]?.sha256.toUpperCase() ?? '', '', 'x'),
  junk,
);
const entry = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record(
      {
        event_id: id,
        status,
        sha256: hash,
        error: junk,
        error_message: junk,
        detail: junk,
        error_category: code,
        category: code,
        code,
        receipt: junk,
      },
      { requiredKeys: ['event_id', 'status'] },
    ),
  },
  { weight: 1, arbitrary: junk },
);
const entries = fc.array(entry, { maxLength: 8 });
const limit = fc.oneof(fc.integer({ min: -1, max: 200 }), junk);
const body = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record(
      {
        results: fc.oneof({ weight: 6, arbitrary: entries }, junk),
        details: fc.oneof(
          { weight: 4, arbitrary: entries },
          { weight: 1, arbitrary: entries.map((list) => JSON.stringify(list)) },
          junk,
        ),
        error: fc.oneof(code, fc.constant('Request payload too large, hash_conflict')),
        error_code: code,
        limits: fc.oneof(
          fc.record({ max_events_per_batch: limit, max_decompressed_bytes_per_batch: limit }),
          junk,
        ),
        server_instance_id: junk,
        sync_protocol: fc.oneof(fc.record({ upgrade_guidance: junk }), junk),
      },
      { requiredKeys: [] },
    ),
  },
  { weight: 1, arbitrary: junk },
);
const httpStatus = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(200, 201, 202, 207) },
  { weight: 3, arbitrary: fc.constantFrom(400, 413) },
  { weight: 2, arbitrary: fc.integer({ min: 100, max: 599 }) },
);

it(
  `${STRUCTURED} structured answers break no rule`,
  () => {
    const seen = new Map<string, number>();
    const options = fc.record({
      count: fc.integer({ min: 1, max: ITEMS.length }),
      maxBytes: fc.option(fc.integer({ min: 1, max: 200 }), { nil: null }),
    });
    fc.assert(
      fc.property(httpStatus, body, options, (http, value, context) => {
        const words = judge(http, Buffer.from(JSON.stringify(value)), context).split(' ');
        for (const word of words) seen.set(word, (seen.get(word) ?? 0) + 1);
      }),
      { seed: SEED, numRuns: STRUCTURED },
    );
    // A fuzz that never reaches a word proves nothing about it.
    for (const word of [
      'success',
      'duplicate',
      'pending',
      'rejected',
      'transient',
      'terminal_failed',
    ]) {
      expect([word, (seen.get(word) ?? 0) > 0]).toEqual([word, true]);
    }
    for (const kind of ['silence', 'halve', 'bisect', 'backoff', 'halt']) {
      expect([kind, (seen.get(kind) ?? 0) > 0]).toEqual([kind, true]);
    }
  },
  HOUR_MS,
);

it(
  `${MUTATED} answers with changed bytes break no rule`,
  () => {
    const draw = drawing(SEED);
    let positive = 0;
    for (let run = 0; run < MUTATED; run += 1) {
      const http = pick(draw, [200, 200, 200, 207, 400, 400, 413, 500]);
      const bytes = mutate(draw, pick(draw, MODELS));
      const count = 1 + draw(ITEMS.length);
      if (/success|duplicate/.test(judge(http, bytes, { count, maxBytes: pick(draw, [null, 90]) })))
        positive += 1;
    }
    // Most mutations break the document; enough must not.
    expect(positive).toBeGreaterThan(MUTATED / 100);
  },
  HOUR_MS,
);

const MODELS: readonly Buffer[] = [
  { results: ITEMS.map((item) => ({ event_id: item.id, status: 'success', sha256: item.sha256 })) },
  {
    results: ITEMS.map((item) => ({ event_id: item.id, status: 'duplicate' })),
    server_instance_id: 'i',
  },
  {
    results: ITEMS.map((item, index) => ({
      event_id: item.id,
      status: index % 2 === 0 ? 'rejected' : 'accepted',
      error: 'no \u001b[31m',
      error_category: 'schema_invalid',
    })),
  },
  {
    results: ITEMS.map((item) => ({
      event_id: item.id,
      status: 'conflict',
      code: 'hash_conflict',
    })),
  },
  {
    error: 'top',
    details: ITEMS.map((item) => ({ event_id: item.id, code: 'erased', detail: 'é🚀' })),
  },
  { limits: { max_events_per_batch: 4, max_decompressed_bytes_per_batch: 90 } },
].map((model) => Buffer.from(JSON.stringify(model)));

const TOKENS = [
  ...['{', '}', '[', ']', '"', ',', ':', '\\', '\\u0000', '\\ud800', '\n', '\u0000', '\ufeff'],
  ...['null', 'true', '1e999', '-0', '"success"', '"rejected"', '"conflict"', '"bad_request"'],
  ...['"status":"success",', '"code":"erased",', '"__proto__":{}', '"results":[', '"event_id":'],
  ...ITEMS.map((item) => item.id),
].map((text) => Buffer.from(text));

function mutate(draw: Draw, model: Buffer): Buffer {
  let bytes = model;
  const edits = 1 + draw(3);
  for (let edit = 0; edit < edits; edit += 1) {
    const at = draw(bytes.length + 1);
    const cut = pick(draw, [0, 0, 1, 1, draw(8), draw(60)]);
    const put = pick(draw, [
      Buffer.alloc(0),
      Buffer.of(draw(256)),
      pick(draw, TOKENS),
      // A piece of another answer, or of the same one.
      slice(draw, pick(draw, MODELS)),
    ]);
    bytes = Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + cut)]);
  }
  return bytes;
}

function slice(draw: Draw, bytes: Buffer): Buffer {
  const at = draw(bytes.length);
  return bytes.subarray(at, at + 1 + draw(80));
}
