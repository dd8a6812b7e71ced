import { describe, expect, it } from 'vitest';
import {
  alone,
  answerOf,
  items,
  NOW,
  one,
  outcomes,
  read,
} from '../../test/support/batch-answers.ts';
import { classify, parseRetryAfter } from './classify.ts';

describe('an odd 2xx', () => {
  it.each([
    '',
    '   ',
    'null',
    '[]',
    '"ok"',
    '42',
    '{}',
    '{"results":{"E1":"success"}}',
    '{"results":"x"}',
    '{"results":null}',
    '{"Results":[]}',
    '<html><body>Sign in to the network</body></html>',
    '{"results":[{"event_id":"E1","status":"succ',
    '{"results":[]}{"results":[]}',
    '{"results":"x","results":[{"event_id":"E1","status":"success"}]}',
    '\ufeff{"results":[]}',
    `{"results":${'['.repeat(100_000)}`,
  ])('puts the route off for %j', (body) => {
    for (const status of [200, 201, 204, 207]) {
      const meaning = read(status, body);
      expect(meaning).toMatchObject({ kind: 'backoff', code: 'no_results', retryAfterMs: null });
    }
  });

  it('honours its Retry-After', () => {
    const meaning = read(202, '', { headers: { retryAfter: '7' } });
    expect(meaning).toMatchObject({ kind: 'backoff', retryAfterMs: 7000 });
  });
});

describe('a 400', () => {
  it('goes by its details and leaves the others to be sent again', () => {
    const details = [
      { event_id: 'E1', code: 'schema_invalid', detail: 'D', error: 'E' },
      { event_id: 'E3', error: 'E', reason: 'R' },
    ];
    const meaning = read(400, { error: 'top', details });
    expect(outcomes(meaning)).toEqual(['terminal_failed schema_invalid', null, 'rejected']);
    const shown = meaning.kind === 'items' ? meaning.verdicts.map((each) => each?.detail) : [];
    expect(shown).toEqual(['D', undefined, 'E']);
    expect(outcomes(read(400, { details: JSON.stringify(details) }))).toEqual(outcomes(meaning));
  });

  it('falls back to its own error for a reason', () => {
    const meaning = read(400, { error: 'top', details: [{ event_id: 'E1' }] });
    expect(meaning).toMatchObject({
      verdicts: [{ outcome: 'rejected', detail: 'top' }, null, null],
    });
  });

  it('contradicting itself parks nothing', () => {
    const details = [{ event_id: 'E1', code: 'bad_request' }, { event_id: 'E1' }];
    expect(outcomes(read(400, { details }))[0]).toBe('transient conflicting_results');
  });

  it.each([
    '',
    'bad request',
    '{}',
    '{"error":"Request payload too large","code":"bad_request"}',
    '{"details":7}',
    '{"details":"schema_invalid"}',
    '{"details":"[{\\"event_id\\":\\""}',
    '{"details":{"event_id":"E1","code":"bad_request"}}',
    '{"details":[null,"E1",{"event_id":"E9","code":"bad_request"}]}',
    '{"details":[{"pointer":"/events","code":"bad_request"}]}',
    '{"results":[{"event_id":"E1","status":"success"}]}',
  ])('without details is bisected: %s', (body) => {
    expect(read(400, body).kind).toBe('bisect');
    expect(read(400, body, { items: alone }).kind).toBe('bisect');
  });
});

describe('a 413', () => {
  const limits = { max_events_per_batch: 4, max_decompressed_bytes_per_batch: 900 };
  const size = (one?.bytes.length ?? 0) + 13;

  it('about several halves, by the limits it names if it names any', () => {
    expect(read(413, '')).toEqual({ kind: 'halve', maxEvents: null, maxBytes: null });
    expect(read(413, { limits })).toEqual({ kind: 'halve', maxEvents: 4, maxBytes: 900 });
    const odd = { max_events_per_batch: 0, max_decompressed_bytes_per_batch: '900' };
    expect(read(413, { limits: odd })).toMatchObject({ maxEvents: null, maxBytes: null });
    expect(read(413, { limits: [1] })).toMatchObject({ maxEvents: null, maxBytes: null });
  });

  it('about one parks it above the limit that was stated last, its wrapping counted', () => {
    const parked = { verdicts: [{ outcome: 'terminal_failed', category: 'payload_too_large' }] };
    expect(read(413, '', { items: alone, maxBytes: size - 1 })).toMatchObject(parked);
    const stated = { limits: { max_decompressed_bytes_per_batch: size - 1 } };
    const meaning = read(413, stated, { items: alone, maxBytes: size });
    expect(meaning).toMatchObject(parked);
    expect(meaning).toMatchObject({
      verdicts: [
        { detail: `a request with it alone has ${size} bytes, the receiver takes ${size - 1}` },
      ],
    });
  });

  it('about one at or below every stated limit leaves it waiting', () => {
    const waiting = { verdicts: [{ outcome: 'transient', category: 'limit_contradicted' }] };
    expect(read(413, '', { items: alone, maxBytes: size })).toMatchObject(waiting);
    expect(read(413, { error: 'payload_too_large' }, { items: alone })).toMatchObject(waiting);
    const stated = { limits: { max_decompressed_bytes_per_batch: size } };
    expect(read(413, stated, { items: alone, maxBytes: 1 })).toMatchObject(waiting);
  });
});

describe('the other statuses', () => {
  it.each([
    [401, 'unauthorized'],
    [403, 'forbidden'],
    [404, 'http_404'],
    [405, 'http_405'],
    [406, 'http_406'],
    [410, 'http_410'],
    [411, 'http_411'],
    [412, 'protocol_mismatch'],
    [415, 'http_415'],
    [421, 'http_421'],
    [426, 'protocol_mismatch'],
    [431, 'http_431'],
    [451, 'http_451'],
  ])('%i halts as %s', (status, code) => {
    expect(read(status, { error: 'no' })).toEqual({
      kind: 'halt',
      code,
      detail: `HTTP ${status}: no`,
    });
  });

  it('shows the guidance of a receiver that is ahead', () => {
    const sync_protocol = { upgrade_guidance: 'Take 4.0\u001b[1m' };
    const body = { error_code: 'client-too-old', error_description: 'old', sync_protocol };
    expect(read(412, body)).toMatchObject({ detail: 'HTTP 412: Take 4.0^[[1m' });
    const { error_description } = body;
    expect(read(412, { error_description })).toMatchObject({ detail: 'HTTP 412: old' });
  });

  it.each([300, 301, 302, 303, 304, 307, 308, 399])('%i halts and names the place', (status) => {
    const headers = { location: '//elsewhere.example/\u001b]8;;x' };
    expect(read(status, '', { headers })).toEqual({
      kind: 'halt',
      code: 'moved',
      detail: 'the receiver says it moved to //elsewhere.example/^[]8;;x; nothing was sent there',
      movedTo: headers.location,
    });
    expect(read(status, '')).toMatchObject({ code: 'moved' });
  });

  it.each([
    100, 102, 199, 402, 407, 408, 409, 418, 422, 425, 429, 499, 500, 503, 511, 599, 600, 999,
  ])('%i backs off', (status) => {
    const meaning = read(status, { error: 'Request payload too large, schema_invalid' });
    const code = status === 429 ? 'throttled' : 'server_error';
    expect(meaning).toMatchObject({ kind: 'backoff', code, retryAfterMs: null });
  });
});

describe('every status with every shape of body', () => {
  const success = items.map((item) => ({ event_id: item.id, status: 'success' }));
  const poison = items.map((item) => ({
    event_id: item.id,
    status: 'rejected',
    code: 'bad_request',
  }));
  const shapes: readonly unknown[] = [
    '',
    'null',
    '[]',
    '7',
    '<html>',
    '{"results":',
    '\ufeff{}',
    Buffer.of(0xff, 0xfe).toString('latin1'),
    '['.repeat(5000),
    {},
    { results: success },
    { results: [...success, ...success] },
    { results: [...success, ...poison] },
    { results: poison },
    { results: [] },
    { results: [null, 1, 'E1', ['E1'], { event_id: ['E1'], status: 'success' }] },
    { details: poison },
    { details: JSON.stringify(poison) },
    { results: success, details: poison, error: 'bad_request' },
    {
      error: 'too large',
      error_code: 'payload_too_large',
      code: 'hash_conflict',
      status: 'conflict',
    },
    { limits: { max_events_per_batch: 1, max_decompressed_bytes_per_batch: 1 } },
  ];

  it('breaks no rule', () => {
    let readings = 0;
    for (let status = 100; status <= 599; status += 1) {
      for (const shape of shapes) {
        read(status, shape);
        read(status, shape, { items: alone, maxBytes: 1 });
        readings += 2;
      }
    }
    expect(readings).toBe(500 * shapes.length * 2);
  });
});

describe('the instance that answered', () => {
  const context = { items, maxBytes: null, now: NOW };
  const cases: readonly (readonly [unknown, string | null])[] = [
    [{ server_instance_id: 'i-1' }, 'i-1'],
    [{ server_instance_id: ' i\u0007 ' }, ' i\u0007 '],
    [{ server_instance_id: '' }, null],
    [{ server_instance_id: 7 }, null],
    [{ server_instance_id: 'x'.repeat(3000) }, null],
    ['<html>', null],
  ];

  it('is read as it stands, whatever the status', () => {
    for (const status of [200, 400, 413, 503]) {
      for (const [body, instanceId] of cases) {
        expect(classify(answerOf(status, body), context).instanceId).toBe(instanceId);
      }
    }
  });
});

describe('Retry-After', () => {
  it.each([
    [null, null],
    ['', null],
    ['0', 0],
    [' 120 ', 120_000],
    ['99999999999999999999', 86_400_000],
    ['Sat, 14 Mar 2026 09:27:53 GMT', 60_000],
    ['Saturday, 14-Mar-26 09:27:53 GMT', 60_000],
    ['Sat Mar 14 09:27:53 2026', 60_000],
    ['Sat, 14 Mar 2026 09:00:00 GMT', 0],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
    ['Sat, 14 Mar 2099 09:27:53 GMT', 86_400_000],
    ['-5', null],
    ['1.5', null],
    ['1e3', null],
    ['5, 10', null],
    ['soon 5', null],
    ['2026-03-14T09:27:53Z', null],
    ['Sat, 99 Foo 2026 09:27:53 GMT', null],
  ])('%j is %j', (value, ms) => {
    expect(parseRetryAfter(value, NOW)).toBe(ms);
  });
});
