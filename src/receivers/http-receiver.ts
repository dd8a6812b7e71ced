import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { Clock } from '../base/index.ts';
import type { Http, HttpReply } from '../home/index.ts';
import { encodeBatch, parseHealth, type Verdict } from '../wire/index.ts';
import { classify, instanceOf, parseRetryAfter, type Reading } from './classify.ts';
import type { BatchReply, OutboundItem, Probe, Receiver, Stop, TargetKind } from './receiver.ts';

export interface HttpReceiverOptions {
  readonly kind: TargetKind;
  readonly http: Http;
  readonly clock: Clock;
  /** Where events are posted. */
  readonly eventsUrl: string;
  /** Where limits and instance are asked for; null where the target has no known base. */
  readonly healthUrl: string | null;
  /** Credentials and the operator's headers, bound to this target's origin by the caller. */
  readonly headers: Readonly<Record<string, string>>;
  readonly brotli: boolean;
  /** Advertised limit in bytes before compression, null when the receiver said none. */
  readonly maxBytes: number | null;
}

const REQUEST_DEADLINE_MS = 60_000;
const PROBE_DEADLINE_MS = 5_000;
const MAX_ANSWER_BYTES = 8_388_608;
const MAX_HEALTH_BYTES = 65_536;
const GZIP_LEVEL = 1;
const BROTLI_QUALITY = 1;
/** A reset after this many bytes may be a 413 whose answer was lost with the connection. */
const RESET_AS_TOO_LARGE_BYTES = 65_536;

/** What is known so far about the items of one call to `deliver`. */
interface Delivering {
  readonly verdicts: (Verdict | null)[];
  readonly refusedAlone: number[];
  requests: number;
  stop: Stop | null;
  maxEvents: number | null;
  maxBytes: number | null;
  instanceId: string | null;
  httpStatus: number | null;
  resetTaken: boolean;
}

/** A receiver behind HTTP: Teamspace and external targets differ in gates and headers alone. */
export function createHttpReceiver(options: HttpReceiverOptions): Receiver {
  return {
    kind: options.kind,
    offers: (stream) => stream === 'events',
    probe: (signal) => probe(options, signal),
    deliver: (_stream, items, signal) => deliver(options, items, signal),
  };
}

async function deliver(
  options: HttpReceiverOptions,
  items: readonly OutboundItem[],
  signal: AbortSignal,
): Promise<BatchReply> {
  const state: Delivering = {
    verdicts: items.map(() => null),
    refusedAlone: [],
    requests: 0,
    stop: null,
    maxEvents: null,
    maxBytes: null,
    instanceId: null,
    httpStatus: null,
    resetTaken: false,
  };
  const all = items.map((item, index) => ({ item, index }));
  await post(options, state, all, signal);
  settleRefusedAlone(state);
  return {
    verdicts: state.verdicts,
    stop: state.stop,
    learned: { maxEvents: state.maxEvents, maxBytes: state.maxBytes },
    instanceId: state.instanceId,
    httpStatus: state.httpStatus,
    requests: state.requests,
  };
}

interface Placed {
  readonly item: OutboundItem;
  readonly index: number;
}

/** Posts a run of items and acts on the answer; parts go out one after the other, in capture order. */
async function post(
  options: HttpReceiverOptions,
  state: Delivering,
  run: readonly Placed[],
  signal: AbortSignal,
): Promise<void> {
  if (run.length === 0 || state.stop !== null) return;
  const reply = await send(options, state, run, signal);
  const reading = readReply(options, state, run, reply);
  if (reading.kind === 'items') {
    const rest = settle(state, run, reading.verdicts);
    await post(options, state, rest, signal);
    return;
  }
  if (reading.kind === 'halve' || reading.kind === 'bisect') {
    await split(options, state, { run, reading, signal });
    return;
  }
  state.stop = {
    kind: reading.kind,
    httpStatus: state.httpStatus,
    code: reading.code,
    detail: reading.detail,
    retryAfterMs: reading.kind === 'backoff' ? reading.retryAfterMs : null,
  };
}

async function split(
  options: HttpReceiverOptions,
  state: Delivering,
  what: {
    readonly run: readonly Placed[];
    readonly reading: Extract<Reading, { kind: 'halve' | 'bisect' }>;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { run, reading, signal } = what;
  const [only] = run;
  if (run.length === 1 && only !== undefined) {
    state.refusedAlone.push(only.index);
    return;
  }
  const middle = Math.ceil(run.length / 2);
  if (reading.kind === 'halve') {
    state.maxEvents = reading.maxEvents ?? middle;
    state.maxBytes = reading.maxBytes ?? state.maxBytes;
  }
  await post(options, state, run.slice(0, middle), signal);
  await post(options, state, run.slice(middle), signal);
}

async function send(
  options: HttpReceiverOptions,
  state: Delivering,
  run: readonly Placed[],
  signal: AbortSignal,
): Promise<HttpReply> {
  state.requests += 1;
  const body = encodeBatch(run.map((placed) => placed.item.bytes));
  const reply = await options.http.send({
    method: 'POST',
    url: options.eventsUrl,
    headers: {
      ...options.headers,
      'content-type': 'application/json',
      'content-encoding': options.brotli ? 'br' : 'gzip',
    },
    body: compress(body, options.brotli),
    deadlineMs: REQUEST_DEADLINE_MS,
    maxResponseBytes: MAX_ANSWER_BYTES,
    signal,
  });
  state.httpStatus = reply.kind === 'response' ? reply.status : null;
  if (reply.kind === 'response') state.instanceId = instanceOf(reply.body) ?? state.instanceId;
  return reply;
}

function compress(body: Uint8Array, brotli: boolean): Buffer {
  if (!brotli) return gzipSync(body, { level: GZIP_LEVEL });
  return brotliCompressSync(body, {
    params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY },
  });
}

function readReply(
  options: HttpReceiverOptions,
  state: Delivering,
  run: readonly Placed[],
  reply: HttpReply,
): Reading {
  if (reply.kind === 'response') {
    return classify(
      {
        status: reply.status,
        retryAfter: reply.headers['retry-after'] ?? null,
        location: reply.headers['location'] ?? null,
        body: reply.body,
      },
      {
        items: run.map((placed) => placed.item),
        maxBytes: state.maxBytes ?? options.maxBytes,
        now: options.clock.now(),
      },
    );
  }
  const maybeTooLarge = reply.reason === 'reset' && reply.bytesSent > RESET_AS_TOO_LARGE_BYTES;
  if (maybeTooLarge && run.length > 1 && !state.resetTaken) {
    state.resetTaken = true;
    return { kind: 'halve', maxEvents: null, maxBytes: null };
  }
  return { kind: 'backoff', code: reply.reason, detail: reply.detail, retryAfterMs: null };
}

/** Keeps the verdicts and returns the items that the answer said nothing about. */
function settle(
  state: Delivering,
  run: readonly Placed[],
  verdicts: readonly (Verdict | null)[],
): readonly Placed[] {
  const rest: Placed[] = [];
  for (const [position, placed] of run.entries()) {
    const verdict = verdicts[position] ?? null;
    if (verdict === null) rest.push(placed);
    else state.verdicts[placed.index] = verdict;
  }
  return rest;
}

/**
 * An item refused with a bare 400 when it stood alone: it is to blame if another item of the batch was accepted;
 * otherwise the request as such may be what the receiver dislikes, and the route waits.
 */
function settleRefusedAlone(state: Delivering): void {
  if (state.refusedAlone.length === 0) return;
  const accepted = state.verdicts.some(
    (each) => each !== null && ['success', 'duplicate', 'pending'].includes(each.outcome),
  );
  if (!accepted) {
    state.stop ??= {
      kind: 'backoff',
      httpStatus: 400,
      code: 'bad_request',
      detail: 'the receiver refuses every request without naming an event',
      retryAfterMs: null,
    };
    return;
  }
  for (const index of state.refusedAlone) {
    state.verdicts[index] = {
      outcome: 'terminal_failed',
      httpStatus: 400,
      category: 'bad_request',
      detail: 'refused with HTTP 400 when sent alone',
      retryAfterMs: null,
      receipt: null,
    };
  }
}

async function probe(options: HttpReceiverOptions, signal: AbortSignal): Promise<Probe> {
  if (options.healthUrl === null) return { kind: 'silent' };
  const reply = await options.http.send({
    method: 'GET',
    url: options.healthUrl,
    headers: options.headers,
    body: null,
    deadlineMs: PROBE_DEADLINE_MS,
    maxResponseBytes: MAX_HEALTH_BYTES,
    signal,
  });
  if (reply.kind === 'failure') {
    const { reason: code, detail } = reply;
    return { kind: 'stopped', stop: { kind: 'backoff', httpStatus: null, code, detail, retryAfterMs: null } };
  }
  return readProbe(reply, options.clock);
}

/** Health is an offer: only a refused login or a plain "not now" of the server stops a drain here. */
function readProbe(reply: Extract<HttpReply, { kind: 'response' }>, clock: Clock): Probe {
  if (reply.status === 200) {
    const health = parseHealth(reply.body);
    return health.ok ? { kind: 'health', health: health.value } : { kind: 'silent' };
  }
  if (reply.status === 401 || reply.status === 403) {
    const code = reply.status === 401 ? 'unauthorized' : 'forbidden';
    const detail = `HTTP ${reply.status}`;
    return {
      kind: 'stopped',
      stop: { kind: 'halt', httpStatus: reply.status, code, detail, retryAfterMs: null },
    };
  }
  if (reply.status !== 429 && reply.status !== 503) return { kind: 'silent' };
  return {
    kind: 'stopped',
    stop: {
      kind: 'backoff',
      httpStatus: reply.status,
      code: reply.status === 429 ? 'throttled' : 'server_error',
      detail: `HTTP ${reply.status}`,
      retryAfterMs: parseRetryAfter(reply.headers['retry-after'] ?? null, clock.now()),
    },
  };
}
