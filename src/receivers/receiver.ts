import type { BodyPush, Health, Verdict } from '../wire/index.ts';

/** The kinds of journalled items that travel. */
export const STREAM_NAMES = ['events', 'bodies', 'snapshots'] as const;

export type StreamName = (typeof STREAM_NAMES)[number];

/** One item ready to leave. */
export interface OutboundItem {
  /** Its position in its stream. */
  readonly seq: number;
  readonly id: string;
  /** SHA-256 of `bytes` as the journal recorded it. */
  readonly sha256: string;
  /** What is posted, exactly as captured; the text of a body, the document of a snapshot. */
  readonly bytes: Uint8Array;
  /** Of a body: where it belongs. */
  readonly place?: BodyPlace;
  /** Of a snapshot: which state of which resource it is. */
  readonly idempotencyKey?: string;
}

/** The mission a body is part of, and its path there. */
export type BodyPlace = Omit<BodyPush, 'contentHash' | 'content'>;

/** The kinds of targets, in the order of their stored numbers. */
export const TARGET_KINDS = ['teamspace', 'external', 'stub'] as const;

export type TargetKind = (typeof TARGET_KINDS)[number];

/** What a receiver said of itself when asked before a drain. */
export type Probe =
  | { readonly kind: 'health'; readonly health: Health }
  /** It has no health address, or answers there with something else: sending may be tried all the same. */
  | { readonly kind: 'silent' }
  | { readonly kind: 'stopped'; readonly stop: Stop };

/** Why the rest of a drain is left for later. */
export interface Stop {
  /** `halt` waits for an operator (or the next `sync now`); `backoff` for its time. */
  readonly kind: 'halt' | 'backoff';
  /** HTTP status, null for a failure of the network. */
  readonly httpStatus: number | null;
  readonly code: string;
  readonly detail: string;
  /** The server's own wish, milliseconds; null when it said none. */
  readonly retryAfterMs: number | null;
  /** Where a redirect leads, as it was given. */
  readonly movedTo?: string;
}

/** What the answers to a batch taught about the receiver's limits; null where they taught nothing. */
export interface Learned {
  /** As the receiver said it. */
  readonly maxEvents: number | null;
  readonly maxBytes: number | null;
  /** The most events it took at once after refusing more of them as too large without naming a limit. */
  readonly passed: number | null;
}

export interface BatchReply {
  /** One entry per item, in order; null where nothing was said about it. */
  readonly verdicts: readonly (Verdict | null)[];
  /** Set when the receiver, or the way to it, refused to go on. */
  readonly stop: Stop | null;
  readonly learned: Learned;
  /** Every instance that answered and said so, in order of appearance; more than one is no receiver at all. */
  readonly instanceIds: readonly string[];
  /** Results that spoke of no item of the batch, or were no results. */
  readonly strays: number;
  /** HTTP status of the last answer. */
  readonly httpStatus: number | null;
  /** Requests made. */
  readonly requests: number;
}

/** What a reply says that taught nothing. */
export const NOTHING_LEARNED: Learned = { maxEvents: null, maxBytes: null, passed: null };

/** The code that talks to one kind of target. It never throws for what the far side says. */
export interface Receiver {
  readonly kind: TargetKind;
  /** Whether items of this stream can be delivered here at all. */
  offers(stream: StreamName): boolean;
  probe(signal: AbortSignal): Promise<Probe>;
  /** Sends items of one project, each id once, in capture order. */
  deliver(
    stream: StreamName,
    items: readonly OutboundItem[],
    signal: AbortSignal,
  ): Promise<BatchReply>;
}

/** The contract under the name that operators' papers use for it, and its three kinds. */
export type DeliveryReceiver = Receiver;
export type TeamspaceReceiver = Receiver & { readonly kind: 'teamspace' };
export type ExternalReceiver = Receiver & { readonly kind: 'external' };
export type StubReceiver = Receiver & { readonly kind: 'stub' };
