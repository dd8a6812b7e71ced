import { assert, type Clock, type Millis } from '../base/index.ts';
import type { Http, HttpReply } from '../home/index.ts';
import { encodeBodyPush, JSON_MEDIA_TYPE, type Verdict } from '../wire/index.ts';
import { classifyPush, type PushReading } from './push-answer.ts';
import { NOTHING_LEARNED, type BatchReply, type OutboundItem, type Stop } from './receiver.ts';

/** How bodies are pushed to one address. */
export interface PushOptions {
  readonly http: Http;
  readonly clock: Clock;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Advertised limit in bytes of one request, null when the receiver said none. */
  readonly maxBytes: number | null;
  readonly deadlineMs: Millis;
}

export const MAX_ANSWER_BYTES = 1_048_576;

/** What one push came to. */
export interface Pushed {
  readonly httpStatus: number | null;
  readonly reading: PushReading;
}

/** Sends one item in a request of its own. Throws for nothing that the far side does. */
export type Push = (item: OutboundItem, signal: AbortSignal) => Promise<Pushed>;

/** Pushes under way: where the next one is taken from, and what is known so far. */
interface Pushing {
  readonly push: Push;
  readonly items: readonly OutboundItem[];
  readonly signal: AbortSignal;
  readonly verdicts: (Verdict | null)[];
  readonly instanceIds: Set<string>;
  next: number;
  requests: number;
  httpStatus: number | null;
  stop: Stop | null;
}

/**
 * Pushes items in their order, one request each, at most `width` in flight, until each has its word or the receiver
 * asks to stop; those that were not sent then have no verdict.
 */
export async function pushEach(
  push: Push,
  items: readonly OutboundItem[],
  context: { readonly width: number; readonly signal: AbortSignal },
): Promise<BatchReply> {
  const pushing: Pushing = {
    push,
    items,
    signal: context.signal,
    verdicts: items.map(() => null),
    instanceIds: new Set(),
    next: 0,
    requests: 0,
    httpStatus: null,
    stop: null,
  };
  const lanes = Array.from({ length: Math.min(context.width, items.length) }, () => run(pushing));
  await Promise.all(lanes);
  const { verdicts, stop, instanceIds, httpStatus, requests } = pushing;
  return {
    verdicts,
    stop,
    learned: NOTHING_LEARNED,
    instanceIds: [...instanceIds],
    strays: 0,
    httpStatus,
    requests,
  };
}

async function run(pushing: Pushing): Promise<void> {
  const { items, signal } = pushing;
  while (pushing.stop === null && !signal.aborted) {
    const index = pushing.next;
    const item = items[index];
    if (item === undefined) return;
    pushing.next += 1;
    pushing.requests += 1;
    const { httpStatus, reading } = await pushing.push(item, signal);
    pushing.httpStatus = httpStatus;
    if (reading.instanceId !== null) pushing.instanceIds.add(reading.instanceId);
    if (reading.kind === 'verdict') pushing.verdicts[index] = reading.verdict;
    else pushing.stop = sooner(pushing.stop, reading.stop);
  }
}

/** Pushes one body (wire contract 6.1): plain JSON, no compression. Throws for nothing that the far side does. */
export async function pushContent(
  options: PushOptions,
  item: OutboundItem,
  signal: AbortSignal,
): Promise<Pushed> {
  const { http, clock, url, headers, deadlineMs, maxBytes } = options;
  const { place } = item;
  assert(place !== undefined, 'a body knows its place');
  const body = encodeBodyPush({ ...place, contentHash: item.sha256, content: item.bytes });
  const reply = await http.send({
    method: 'POST',
    url,
    headers: { ...headers, 'content-type': JSON_MEDIA_TYPE },
    body,
    deadlineMs,
    maxResponseBytes: MAX_ANSWER_BYTES,
    signal,
  });
  if (reply.kind === 'failure') return { httpStatus: null, reading: readFailure(reply) };
  const { status, headers: answered } = reply;
  const retryAfter = answered['retry-after'] ?? null;
  const location = answered['location'] ?? null;
  const reading = classifyPush(
    { status, retryAfter, location, body: reply.body },
    {
      item,
      artifactPath: place.artifactPath,
      requestBytes: body.length,
      maxBytes,
      now: clock.now(),
    },
  );
  return { httpStatus: status, reading };
}

/** No answer at all. */
export function readFailure({
  reason,
  detail,
}: Extract<HttpReply, { kind: 'failure' }>): PushReading {
  const stop = { kind: 'backoff', httpStatus: null, code: reason, detail, retryAfterMs: null };
  return { kind: 'stop', stop: { ...stop, kind: 'backoff' }, instanceId: null };
}

/** The first stop decides; whoever asks to be left alone for longer is heard all the same. */
function sooner(first: Stop | null, next: Stop): Stop {
  if (first === null) return next;
  const wishes = [first.retryAfterMs, next.retryAfterMs].filter((ms) => ms !== null);
  return { ...first, retryAfterMs: wishes.length === 0 ? null : Math.max(...wishes) };
}
