import { type Clock, type Log, messageOf, type Millis } from '../../base/index.ts';
import { STREAM_PATIENCE } from '../limits.ts';
import { StoreUnavailable } from '../store/driver.ts';
import type { Here } from './here.ts';

/** What answers that go on for long need of the receiver. */
export interface Streaming {
  readonly clock: Clock;
  readonly log: Log;
  /** Aborted when the receiver stops: a stream ends then. */
  readonly closing: AbortSignal;
  readonly patience: StreamPatience;
}

/** In milliseconds. */
export interface StreamPatience {
  /** How often a stream says that it is there, and asks whether its reader still may read. */
  readonly heartbeatMs: Millis;
  /** How often a stream looks for what has arrived. */
  readonly pollMs: Millis;
  /** How long a reader may take nothing before it is left. */
  readonly slowMs: Millis;
}

/** Where an answer is written to, piece by piece. */
export interface Outlet {
  /** Resolves when the reader can take more; false when nobody takes any. What waits meanwhile is one piece. */
  readonly write: (text: string) => Promise<boolean>;
  /** Aborted when nobody reads any more, and when the receiver stops. */
  readonly signal: AbortSignal;
}

/** How an answer ended: all that there was, or earlier, which its reader must be able to tell. */
export type Ending = 'whole' | 'cut';

export interface LongAnswer {
  readonly headers: Readonly<Record<string, string>>;
  /** Writes the answer. Whatever it throws cuts it off. */
  readonly write: (outlet: Outlet) => Promise<Ending>;
  /** Runs once when the answer is over, however that came. */
  readonly leave: () => void;
}

/** Proxies collect what they pass on, unless they hear this; whoever cuts slow answers leaves these to us. */
export const PIECE_BY_PIECE = { 'x-accel-buffering': 'no' } as const;

/** An answer that is written for as long as somebody reads it, and never faster. It ends with its connection. */
export function answerLong(c: Here, streaming: Streaming, answer: LongAnswer): Response {
  const over = new AbortController();
  const room = createBell();
  const stream = new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        void send({ c, streaming, answer, controller, over, room });
      },
      pull: room.ring,
      cancel: () => {
        over.abort();
      },
    },
    { highWaterMark: 1 },
  );
  // Who stops waits for connections; one that is kept alive behind a stream would hold that up.
  const own = { ...PIECE_BY_PIECE, connection: 'close' };
  return new Response(stream, { headers: { ...answer.headers, ...own } });
}

interface Sending {
  readonly c: Here;
  readonly streaming: Streaming;
  readonly answer: LongAnswer;
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
  /** Aborted when nobody reads any more, or nobody may. */
  readonly over: AbortController;
  readonly room: Bell;
}

async function send(sending: Sending): Promise<void> {
  const { c, streaming, answer, controller, over } = sending;
  const { closing } = streaming;
  const signal = AbortSignal.any([over.signal, closing]);
  const ending = await endingOf(sending, signal);
  answer.leave();
  const socket = c.env.incoming?.socket;
  if (ending === 'whole' && !over.signal.aborted) controller.close();
  // Without its last chunk no reader takes an answer for whole.
  else if (socket === undefined) controller.error(new Error('the answer was cut off'));
  else socket.destroy();
}

async function endingOf(sending: Sending, signal: AbortSignal): Promise<Ending> {
  const { c, streaming, answer } = sending;
  try {
    return await answer.write({ signal, write: (text) => put(sending, signal, text) });
  } catch (error) {
    const failure = { route: c.var.route ?? 'none', message: messageOf(error) };
    // A database that cannot answer now is no mistake of ours.
    const level = error instanceof StoreUnavailable ? 'info' : 'error';
    streaming.log[level]('receiver.stream', failure);
    return 'cut';
  }
}

const ENCODER = new TextEncoder();

async function put(
  { streaming: { clock, patience }, controller, over, room }: Sending,
  signal: AbortSignal,
  text: string,
): Promise<boolean> {
  if (signal.aborted) return false;
  const taken = room.heard();
  controller.enqueue(ENCODER.encode(text));
  if ((controller.desiredSize ?? 0) > 0) return true;
  const done = new AbortController();
  const late = clock.sleep(patience.slowMs, AbortSignal.any([signal, done.signal]));
  const isTaken = await Promise.race([taken.then(() => true), late.then(() => false)]);
  done.abort();
  // Who takes nothing for long is left: what it has got says from where it may come again.
  if (!isTaken) over.abort();
  return isTaken;
}

interface Bell {
  readonly ring: () => void;
  /** Resolves at the next ring. */
  readonly heard: () => Promise<void>;
}

function createBell(): Bell {
  let wake: (() => void) | null = null;
  return {
    ring: () => {
      wake?.();
    },
    heard: () =>
      new Promise((resolve) => {
        wake = resolve;
      }),
  };
}

/** The patience of streams, shorter where a test says so. */
export function patienceOf(shorter: Partial<StreamPatience> = {}): StreamPatience {
  return { ...STREAM_PATIENCE, ...shorter };
}
