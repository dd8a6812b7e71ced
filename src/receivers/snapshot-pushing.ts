import { assert } from '../base/index.ts';
import { HEADERS, JSON_MEDIA_TYPE } from '../wire/index.ts';
import { MAX_ANSWER_BYTES, readFailure, type Pushed, type PushOptions } from './pushing.ts';
import type { OutboundItem } from './receiver.ts';
import { classifySnapshot } from './snapshot-answer.ts';

/**
 * Pushes one snapshot (wire contract 12): plain JSON, and two headers that tell a repeat from a new state. Throws for
 * nothing that the far side does.
 */
export async function pushSnapshot(
  options: PushOptions,
  item: OutboundItem,
  signal: AbortSignal,
): Promise<Pushed> {
  const { http, clock, url, headers, deadlineMs } = options;
  const { idempotencyKey, sha256, bytes } = item;
  assert(idempotencyKey !== undefined, 'a snapshot knows its key');
  const reply = await http.send({
    method: 'POST',
    url,
    headers: {
      ...headers,
      [HEADERS.contentType]: JSON_MEDIA_TYPE,
      [HEADERS.idempotencyKey]: idempotencyKey,
      [HEADERS.contentSha256]: sha256,
    },
    body: bytes,
    deadlineMs,
    maxResponseBytes: MAX_ANSWER_BYTES,
    signal,
  });
  if (reply.kind === 'failure') return { httpStatus: null, reading: readFailure(reply) };
  const { status, headers: answered, body } = reply;
  const retryAfter = answered['retry-after'] ?? null;
  const answer = { status, retryAfter, location: answered['location'] ?? null, body };
  return { httpStatus: status, reading: classifySnapshot(answer, { item, now: clock.now() }) };
}
