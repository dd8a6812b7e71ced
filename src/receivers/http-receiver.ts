import { assert, type Clock, type Millis } from '../base/index.ts';
import type { Http, HttpReply } from '../home/index.ts';
import { parseHealth, type Health } from '../wire/index.ts';
import { parseRetryAfter } from './classify.ts';
import { postBatch } from './posting.ts';
import { pushContent, pushEach } from './pushing.ts';
import { pushSnapshot } from './snapshot-pushing.ts';
import type { Probe, Receiver, Stop, StreamName, TargetKind } from './receiver.ts';

export interface HttpReceiverOptions {
  readonly kind: TargetKind;
  readonly http: Http;
  readonly clock: Clock;
  /** Where events are posted. */
  readonly eventsUrl: string;
  /** Where limits and instance are asked for; null where the target has no known base. */
  readonly healthUrl: string | null;
  /** Where bodies are pushed; null where the target has no known base. */
  readonly bodiesUrl: string | null;
  /** The same of snapshots. */
  readonly snapshotsUrl: string | null;
  /** Credentials and the operator's headers, bound to this target's origin by the caller. */
  readonly headers: Readonly<Record<string, string>>;
  /** What the receiver advertised the last time; its next health answer replaces it. */
  readonly brotli: boolean;
  /** The same of bodies and of snapshots. */
  readonly bodies: boolean;
  readonly snapshots: boolean;
  /** Requests that may be in flight at once. */
  readonly width: number;
  /** Bytes before compression, null when the receiver named no limit. */
  readonly maxBytes: number | null;
  /**
   * How long one exchange may take as a whole; 60 s for a batch, 30 s for a body, 10 s for a
   * snapshot, 5 s for health when absent.
   */
  readonly deadlines?: Partial<Deadlines>;
}

export interface Deadlines {
  readonly batchMs: Millis;
  readonly bodyMs: Millis;
  readonly snapshotMs: Millis;
  readonly probeMs: Millis;
}

const DEADLINES: Deadlines = {
  batchMs: 60_000,
  bodyMs: 30_000,
  snapshotMs: 10_000,
  probeMs: 5_000,
};
const MAX_HEALTH_BYTES = 65_536;
const MAX_WIDTH = 8;

/**
 * A receiver behind HTTP: Teamspace and external targets differ in gates and headers alone. It follows no redirect,
 * undoes no content coding, and throws for nothing that the far side or the network does.
 */
export function createHttpReceiver(options: HttpReceiverOptions): Receiver {
  const { batchMs, bodyMs, probeMs, snapshotMs } = { ...DEADLINES, ...options.deadlines };
  const { http, clock, headers } = options;
  const urls = {
    events: options.eventsUrl,
    bodies: options.bodiesUrl,
    snapshots: options.snapshotsUrl,
  };
  let offer: Offer = options;
  const offers = (stream: StreamName): boolean =>
    urls[stream] !== null && (stream === 'events' || offer[stream]);
  return {
    kind: options.kind,
    offers,
    probe: async (signal) => {
      const probe = await ask(options, probeMs, signal);
      if (probe.kind === 'health') offer = offerOf(probe.health, { ...options, ...offer });
      return probe;
    },
    deliver: (stream, items, signal) => {
      const { brotli, maxBytes, width } = offer;
      const url = urls[stream];
      assert(url !== null && offers(stream), 'only what is offered is delivered');
      const way = { http, clock, headers, maxBytes, url };
      if (stream === 'events') {
        return postBatch({ ...way, brotli, deadlineMs: batchMs }, items, signal);
      }
      const push = stream === 'bodies' ? pushContent : pushSnapshot;
      const deadlineMs = stream === 'bodies' ? bodyMs : snapshotMs;
      // A later state of a tracker must not be overtaken by an earlier one.
      const context = { width: stream === 'bodies' ? width : 1, signal };
      return pushEach((...item) => push({ ...way, deadlineMs }, ...item), items, context);
    },
  };
}

type Offer = Pick<HttpReceiverOptions, 'brotli' | 'bodies' | 'snapshots' | 'width' | 'maxBytes'>;

/** A Teamspace takes everything by contract; another receiver what it says, or said before. */
function offerOf({ capabilities, limits }: Health, known: HttpReceiverOptions): Offer {
  const isTeamspace = known.kind === 'teamspace';
  return {
    brotli: capabilities.brotli,
    bodies: isTeamspace || known.bodies || capabilities.bodies,
    snapshots: isTeamspace || known.snapshots || capabilities.snapshots,
    width: Math.min(limits.maxConcurrentBatches ?? 1, MAX_WIDTH),
    maxBytes: limits.maxDecompressedBytesPerBatch ?? null,
  };
}

async function ask(
  options: HttpReceiverOptions,
  deadlineMs: Millis,
  signal: AbortSignal,
): Promise<Probe> {
  if (options.healthUrl === null) return { kind: 'silent' };
  const reply = await options.http.send({
    method: 'GET',
    url: options.healthUrl,
    headers: options.headers,
    body: null,
    deadlineMs,
    maxResponseBytes: MAX_HEALTH_BYTES,
    signal,
  });
  return reply.kind === 'failure' ? readFailure(reply) : readAnswer(reply, options.clock.now());
}

/** An answer that is merely strange says nothing about batches; no answer does. */
function readFailure(reply: Extract<HttpReply, { kind: 'failure' }>): Probe {
  const { reason: code, detail } = reply;
  if (code === 'too_large' || code === 'malformed') return { kind: 'silent' };
  return stopped({ kind: 'backoff', httpStatus: null, code, detail, retryAfterMs: null });
}

/** Health is an offer: only a refused login or a plain "not now" of the server stops a drain here. */
function readAnswer(reply: Extract<HttpReply, { kind: 'response' }>, now: Millis): Probe {
  const { status: httpStatus, headers, body } = reply;
  const detail = `HTTP ${httpStatus}`;
  switch (httpStatus) {
    case 200: {
      const health = parseHealth(body);
      return health.ok ? { kind: 'health', health: health.value } : { kind: 'silent' };
    }
    case 401:
    case 403: {
      const code = httpStatus === 401 ? 'unauthorized' : 'forbidden';
      return stopped({ kind: 'halt', httpStatus, code, detail, retryAfterMs: null });
    }
    case 429:
    case 503: {
      const code = httpStatus === 429 ? 'throttled' : 'server_error';
      const retryAfterMs = parseRetryAfter(headers['retry-after'] ?? null, now);
      return stopped({ kind: 'backoff', httpStatus, code, detail, retryAfterMs });
    }
    default:
      return { kind: 'silent' };
  }
}

function stopped(stop: Stop): Probe {
  return { kind: 'stopped', stop };
}
