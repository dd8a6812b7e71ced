import { expect, it } from 'vitest';
import { sha256Hex } from '../base/index.ts';
import { classifySnapshot } from './snapshot-answer.ts';
import type { OutboundItem } from './receiver.ts';

const bytes = Buffer.from('{"provider":"jira"}');
const item: OutboundItem = {
  seq: 1,
  id: 'jira:acme',
  sha256: sha256Hex(bytes),
  bytes,
  idempotencyKey: 'a'.repeat(64),
};

function read(
  status: number,
  body: unknown = {},
  headers: { readonly retryAfter?: string; readonly location?: string } = {},
): string {
  const answer = {
    status,
    retryAfter: headers.retryAfter ?? null,
    location: headers.location ?? null,
    body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  };
  const reading = classifySnapshot(answer, { item, now: 0 });
  if (reading.kind === 'stop') {
    const { kind, code, retryAfterMs } = reading.stop;
    return `${kind} ${code}${retryAfterMs === null ? '' : ` ${retryAfterMs}`}`;
  }
  const { outcome, category } = reading.verdict;
  return category === null ? outcome : `${outcome} ${category}`;
}

it.each([
  [200, {}, 'success'],
  [200, 'plain words', 'success'],
  [201, { id: 1 }, 'success'],
  [202, '', 'success'],
  [204, '', 'success'],
  [200, { status: 'already_exists', content_hash: item.sha256.toUpperCase() }, 'duplicate'],
  [200, { status: 'duplicate' }, 'duplicate'],
  [201, { status: 'stored', content_hash: 'b'.repeat(64) }, 'terminal_failed hash_mismatch'],
  [400, { error: 'no' }, 'terminal_failed bad_request'],
  [401, {}, 'halt unauthorized'],
  [403, {}, 'halt forbidden'],
  [404, '<html>', 'transient not_found'],
  [404, { error_code: 'namespace_not_found' }, 'terminal_failed namespace_not_found'],
  [408, {}, 'backoff server_error'],
  [425, {}, 'backoff server_error'],
  [429, {}, 'backoff throttled'],
  [409, { error_code: 'hash_conflict' }, 'transient unexpected_status'],
  [413, {}, 'transient limit_contradicted'],
  [413, { limits: { max_snapshot_bytes: 5 } }, 'terminal_failed payload_too_large'],
  [413, { limits: { max_snapshot_bytes: 5_000 } }, 'transient limit_contradicted'],
  [302, {}, 'transient unexpected_status'],
  [422, {}, 'transient unexpected_status'],
  [500, {}, 'backoff server_error'],
  [503, {}, 'backoff server_error'],
])('the answer %i %j is %s', (status, body, meaning) => {
  expect(read(status, body)).toBe(meaning);
});

it('any status is read, and none parks but the listed ones', () => {
  const parking = Array.from({ length: 500 }, (_, index) => index + 100).filter((status) =>
    read(status).startsWith('terminal_failed'),
  );
  expect(parking).toEqual([400]);
});

it('a wish to wait is heard', () => {
  expect(read(503, {}, { retryAfter: '7' })).toBe('backoff server_error 7000');
  expect(read(429, { retry_after: 9 })).toBe('backoff throttled 9000');
});

it('the receiver’s own words are kept as a receipt, where they are few', () => {
  const receiptOf = (body: unknown): string | null => {
    const answer = { status: 200, retryAfter: null, location: null };
    const text = Buffer.from(JSON.stringify(body));
    const reading = classifySnapshot({ ...answer, body: text }, { item, now: 0 });
    return reading.kind === 'verdict' ? reading.verdict.receipt : null;
  };
  expect(receiptOf({ id: 7 })).toBe('{"id":7}');
  expect(receiptOf({ long: 'x'.repeat(5_000) })).toBeNull();
});
