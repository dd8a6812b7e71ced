import { assert, type Clock, type Millis } from '../base/index.ts';
import type { Http, HttpReply } from '../home/index.ts';
import { encodeBodyPush, JSON_MEDIA_TYPE, type Verdict } from '../wire/index.ts';
import { classifyPush, troubled, type PushReading } from './push-answer.ts';
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
/** So many items in a row that were never tried before, and met trouble, speak of the receiver. */
const FRESH_TROUBLES = 3;
/** So many of any: those that a receiver always fails at must not hide the others from it. */
const TROUBLES = 24;

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
  /** Troubles since the last answer of another kind, and those of them with an item that was never tried before. */
  troubles: number;
  freshTroubles: number;
}

/**
 * Pushes items in their order, one request each, at most `width` in flight, until each has its word, the receiver
 * asks to stop, or several in a row met trouble; those that were not sent then have no verdict.
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
    troubles: 0,
    freshTroubles: 0,
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
    if (reading.kind !== 'stop') pushing.verdicts[index] = reading.verdict;
    const stop = reading.kind === 'verdict' ? null : reading.stop;
    const isStopped = reading.kind === 'stop' || hasTroubles(pushing, item, stop !== null);
    if (stop !== null && isStopped) pushing.stop = sooner(pushing.stop, stop);
  }
}

/** Counts an answer, and says whether the receiver itself is in trouble: nothing else came of a group, or of a row. */
function hasTroubles(pushing: Pushing, item: OutboundItem, isTrouble: boolean): boolean {
  pushing.troubles = isTrouble ? pushing.troubles + 1 : 0;
  const isFresh = isTrouble && item.wasTried !== true;
  pushing.freshTroubles = isTrouble ? pushing.freshTroubles + Number(isFresh) : 0;
  const { troubles, freshTroubles, items } = pushing;
  return troubles === items.length || freshTroubles >= FRESH_TROUBLES || troubles >= TROUBLES;
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

/** No answer at all. Where nothing left, or the command was broken off, the item has nothing to do with it. */
export function readFailure(reply: Extract<HttpReply, { kind: 'failure' }>): PushReading {
  const { reason, detail, bytesSent } = reply;
  const asked = { httpStatus: null, retryAfterMs: null };
  const stop: Stop = { kind: 'backoff', code: reason, detail, ...asked };
  const isOnItsWay = bytesSent > 0 && reason !== 'aborted';
  const read = isOnItsWay ? troubled(stop) : ({ kind: 'stop', stop } as const);
  return { ...read, instanceId: null };
}

/** The first stop decides; whoever asks to be left alone for longer is heard all the same. */
function sooner(first: Stop | null, next: Stop): Stop {
  if (first === null) return next;
  const wishes = [first.retryAfterMs, next.retryAfterMs].filter((ms) => ms !== null);
  return { ...first, retryAfterMs: wishes.length === 0 ? null : Math.max(...wishes) };
}
