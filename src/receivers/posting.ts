import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { Clock, Millis } from '../base/index.ts';
import type { Http, HttpReply } from '../home/index.ts';
import { BATCH_WRAPPER_BYTES, encodeBatch, type Outcome, type Verdict } from '../wire/index.ts';
import { classify, type Meaning } from './classify.ts';
import { verdictOf } from './item-results.ts';
import type { BatchReply, OutboundItem, Stop } from './receiver.ts';

/** How batches are posted to one address. */
export interface PostOptions {
  readonly http: Http;
  readonly clock: Clock;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly brotli: boolean;
  /** Advertised limit in bytes before compression, null when the receiver said none. */
  readonly maxBytes: number | null;
  readonly deadlineMs: Millis;
}

const MAX_ANSWER_BYTES = 8_388_608;
const GZIP_LEVEL = 1;
const BROTLI_QUALITY = 1;
/** A reset after this many bytes may be a 413 whose answer was lost with the connection. */
const RESET_AS_TOO_LARGE_BYTES = 65_536;
const ACCEPTED: ReadonlySet<Outcome> = new Set(['success', 'duplicate', 'pending']);

interface Placed {
  readonly item: OutboundItem;
  /** Its position in the batch. */
  readonly index: number;
}

/** Neighbouring items that go out as one request. */
type Run = readonly Placed[];

/** A batch under way: what is still to be sent, and what is known so far. */
interface Posting {
  readonly options: PostOptions;
  readonly signal: AbortSignal;
  readonly verdicts: (Verdict | null)[];
  /** In capture order, the next one first. */
  runs: Run[];
  readonly refusedAlone: { readonly index: number; readonly detail: string }[];
  readonly instanceIds: Set<string>;
  requests: number;
  strays: number;
  stop: Stop | null;
  httpStatus: number | null;
  /** Limits that refusals named. */
  maxEvents: number | null;
  maxBytes: number | null;
  /** Set once a request was too large without a word about the limit. */
  isGuessing: boolean;
  passed: number | null;
  hasTakenReset: boolean;
}

/**
 * Posts a batch and whatever of it must be sent again in smaller requests, one after the other in capture order,
 * until every item has its word or the receiver asks to stop. What was said before a stop is kept. An all-or-nothing
 * refusal of k items among n costs at most 2·k·log2(n) + 2 requests.
 */
export async function postBatch(
  options: PostOptions,
  items: readonly OutboundItem[],
  signal: AbortSignal,
): Promise<BatchReply> {
  const posting: Posting = {
    options,
    signal,
    verdicts: items.map(() => null),
    runs: items.length === 0 ? [] : [items.map((item, index) => ({ item, index }))],
    refusedAlone: [],
    instanceIds: new Set(),
    requests: 0,
    strays: 0,
    stop: null,
    httpStatus: null,
    maxEvents: null,
    maxBytes: null,
    isGuessing: false,
    passed: null,
    hasTakenReset: false,
  };
  await sendAll(posting);
  settleRefusedAlone(posting);
  const { verdicts, stop, httpStatus, requests, strays, maxEvents, maxBytes, passed } = posting;
  return {
    verdicts,
    stop,
    learned: { maxEvents, maxBytes, passed },
    instanceIds: [...posting.instanceIds],
    strays,
    httpStatus,
    requests,
  };
}

/** Every answer settles an item, makes a run smaller or stops: so this ends. */
async function sendAll(posting: Posting): Promise<void> {
  while (posting.stop === null) {
    const run = posting.runs.shift();
    if (run === undefined) return;
    const fitting = countFitting(posting, run);
    if (fitting < run.length) posting.runs.unshift(run.slice(0, fitting), run.slice(fitting));
    else act(posting, run, await send(posting, run));
  }
}

/** How many items of a run, at least one, are within the limits that the receiver has named. */
function countFitting(posting: Posting, run: Run): number {
  const maxEvents = posting.maxEvents ?? run.length;
  const maxBytes = posting.maxBytes ?? Number.POSITIVE_INFINITY;
  let bytes = BATCH_WRAPPER_BYTES - 1;
  let count = 0;
  for (const { item } of run) {
    bytes += item.bytes.length + 1;
    if (count > 0 && (count >= maxEvents || bytes > maxBytes)) break;
    count += 1;
  }
  return count;
}

function act(posting: Posting, run: Run, meaning: Meaning): void {
  switch (meaning.kind) {
    case 'items':
      settle(posting, run, meaning.verdicts);
      return;
    case 'halve':
      narrow(posting, run, meaning);
      return;
    case 'bisect':
      bisect(posting, run, meaning.detail);
      return;
    default: {
      const { httpStatus } = posting;
      posting.stop ??= { retryAfterMs: null, ...meaning, httpStatus };
    }
  }
}

/** Keeps the verdicts; items that the answer said nothing about go out again at once. */
function settle(posting: Posting, run: Run, verdicts: readonly (Verdict | null)[]): void {
  const rest: Placed[] = [];
  for (const [position, placed] of run.entries()) {
    const verdict = verdicts[position] ?? null;
    if (verdict === null) rest.push(placed);
    else posting.verdicts[placed.index] = verdict;
  }
  if (rest.length > 0) posting.runs.unshift(rest);
  const isPassed = posting.isGuessing && posting.httpStatus !== 413;
  if (isPassed) posting.passed = Math.max(posting.passed ?? 0, run.length);
}

/** Too large: cut by the limits that the refusal names, or in halves when they do not explain it. */
function narrow(posting: Posting, run: Run, limits: Extract<Meaning, { kind: 'halve' }>): void {
  posting.maxEvents = limits.maxEvents ?? posting.maxEvents;
  posting.maxBytes = limits.maxBytes ?? posting.maxBytes;
  if (countFitting(posting, run) < run.length) {
    posting.runs.unshift(run);
    return;
  }
  posting.isGuessing = true;
  posting.runs.unshift(...halvesOf(run));
}

/**
 * Refused as a whole without a culprit. The search takes halves; when it has found the first one, everything else
 * that is left is tried as one request again, for most batches have no second.
 */
function bisect(posting: Posting, run: Run, detail: string): void {
  const [only, another] = run;
  if (only === undefined || another !== undefined) {
    posting.runs.unshift(...halvesOf(run));
    return;
  }
  posting.refusedAlone.push({ index: only.index, detail });
  const isFirst = posting.refusedAlone.length === 1 && posting.runs.length > 0;
  if (isFirst && !posting.isGuessing) posting.runs = [posting.runs.flat()];
}

function halvesOf(run: Run): readonly [Run, Run] {
  const middle = Math.ceil(run.length / 2);
  return [run.slice(0, middle), run.slice(middle)];
}

async function send(posting: Posting, run: Run): Promise<Meaning> {
  const { options, signal } = posting;
  const body = encodeBatch(run.map(({ item }) => item.bytes));
  posting.requests += 1;
  const reply = await options.http.send({
    method: 'POST',
    url: options.url,
    headers: {
      ...options.headers,
      'content-type': 'application/json',
      'content-encoding': options.brotli ? 'br' : 'gzip',
    },
    body: compress(body, options.brotli),
    deadlineMs: options.deadlineMs,
    maxResponseBytes: MAX_ANSWER_BYTES,
    signal,
  });
  return reply.kind === 'response'
    ? readResponse(posting, run, reply)
    : readFailure(posting, run, reply);
}

function compress(body: Uint8Array, brotli: boolean): Buffer {
  if (!brotli) return gzipSync(body, { level: GZIP_LEVEL });
  return brotliCompressSync(body, {
    params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY },
  });
}

function readResponse(
  posting: Posting,
  run: Run,
  reply: Extract<HttpReply, { kind: 'response' }>,
): Meaning {
  const { status, headers, body } = reply;
  const { maxBytes, clock } = posting.options;
  const { meaning, instanceId, strays } = classify(
    {
      status,
      retryAfter: headers['retry-after'] ?? null,
      location: headers['location'] ?? null,
      body,
    },
    {
      items: run.map(({ item }) => item),
      maxBytes: posting.maxBytes ?? maxBytes,
      now: clock.now(),
    },
  );
  posting.httpStatus = status;
  posting.strays += strays;
  if (instanceId !== null) posting.instanceIds.add(instanceId);
  if (posting.instanceIds.size <= 1) return meaning;
  const detail = 'parts of one batch were answered by different instances';
  return { kind: 'halt', code: 'receiver_reset', detail };
}

function readFailure(
  posting: Posting,
  run: Run,
  reply: Extract<HttpReply, { kind: 'failure' }>,
): Meaning {
  posting.httpStatus = null;
  const { reason, detail, bytesSent } = reply;
  const isMaybeTooLarge = reason === 'reset' && bytesSent > RESET_AS_TOO_LARGE_BYTES;
  if (isMaybeTooLarge && run.length > 1 && !posting.hasTakenReset) {
    posting.hasTakenReset = true;
    return { kind: 'halve', maxEvents: null, maxBytes: null };
  }
  return { kind: 'backoff', code: reason, detail, retryAfterMs: null };
}

/**
 * An item refused with a bare 400 when it stood alone is to blame if another item of the batch was accepted.
 * Otherwise the request as such may be what the receiver dislikes: nothing is parked, and the route waits.
 */
function settleRefusedAlone(posting: Posting): void {
  const { refusedAlone, verdicts } = posting;
  if (refusedAlone.length === 0) return;
  const isOneAccepted = verdicts.some((each) => each !== null && ACCEPTED.has(each.outcome));
  if (!isOneAccepted && posting.stop !== null) return;
  const outcome = isOneAccepted ? 'terminal_failed' : 'rejected';
  for (const { index, detail } of refusedAlone) {
    verdicts[index] = verdictOf(outcome, 400, 'bad_request', `refused when sent alone: ${detail}`);
  }
  if (isOneAccepted) return;
  posting.stop = {
    kind: 'backoff',
    httpStatus: 400,
    code: 'bad_request',
    detail: 'the receiver refuses every request without naming an event',
    retryAfterMs: null,
  };
}
