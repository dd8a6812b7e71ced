import { promisify } from 'node:util';
import { brotliDecompress, gunzip } from 'node:zlib';
import { type Clock, errnoOf, failed, ok, type Result } from '../../base/index.ts';
import { DRAIN_BYTES, DRAIN_MS } from '../limits.ts';
import { HttpError } from './errors.ts';

/** The chunks of a body: Node's request or a web stream. */
export type Chunks = AsyncIterable<Uint8Array>;

/** The body of one request, read at most once. */
export interface Inlet {
  /**
   * The whole body as it came, or null when it is larger than `maxBytes`.
   * @throws HttpError 400 `body_incomplete` when the sender stops before the end.
   */
  read(maxBytes: number): Promise<Buffer | null>;
  /**
   * Reads on and forgets, up to 8 MiB or 2 s: a sender that is still writing when the connection closes sees a
   * reset and not the answer. True when nothing was left to read, so that the connection can serve again.
   */
  drain(): Promise<boolean>;
}

type Step = Uint8Array | 'end' | 'broken';
type Next = () => Promise<Step>;

/** An inlet over `chunks`, or over nothing. */
export function openInlet(chunks: Chunks | null, clock: Clock): Inlet {
  const next = stepsOf(chunks);
  return {
    read: (maxBytes) => readAtMost(next, maxBytes),
    drain: async () => {
      const done = new AbortController();
      const forgotten = forget(next).then((bytes) => {
        done.abort();
        return bytes === 0;
      });
      const late = clock.sleep(DRAIN_MS, done.signal).then(() => false);
      return Promise.race([forgotten, late]);
    },
  };
}

function stepsOf(chunks: Chunks | null): Next {
  // Not `for await`: leaving such a loop early destroys the request and its connection with it.
  const iterator = chunks?.[Symbol.asyncIterator]() ?? null;
  let over: 'end' | 'broken' | null = null;
  return async () => {
    if (iterator === null) return 'end';
    if (over !== null) return over;
    try {
      const step = await iterator.next();
      if (step.done !== true) return step.value;
      over = 'end';
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      over = 'broken';
    }
    return over;
  };
}

async function readAtMost(next: Next, maxBytes: number): Promise<Buffer | null> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  let step = await next();
  while (typeof step !== 'string') {
    total += step.length;
    if (total > maxBytes) return null;
    chunks.push(step);
    step = await next();
  }
  if (step === 'end') return joined(chunks, total);
  throw new HttpError(400, 'body_incomplete', 'the request ended before its body');
}

/** The chunks as one; a body that came in one piece is not copied. */
function joined(chunks: readonly Uint8Array[], total: number): Buffer {
  const [only, second] = chunks;
  return only !== undefined && second === undefined
    ? Buffer.from(only.buffer, only.byteOffset, only.length)
    : Buffer.concat(chunks, total);
}

/** Bytes that were read on. */
async function forget(next: Next): Promise<number> {
  let total = 0;
  let step = await next();
  while (typeof step !== 'string') {
    total += step.length;
    if (total > DRAIN_BYTES) return total;
    step = await next();
  }
  return total;
}

const gunzipBytes = promisify(gunzip);
const unbrotli = promisify(brotliDecompress);

/**
 * Takes one layer of compression off: `gzip`, `br`, or none for `identity`. The cap counts bytes that come out,
 * and inflating stops there, so a small request cannot become a large one in memory.
 */
export async function inflate(
  body: Buffer,
  encoding: 'identity' | 'gzip' | 'br',
  maxBytes: number,
): Promise<Result<Buffer, 'too_large' | 'damaged'>> {
  if (encoding === 'identity') return body.length > maxBytes ? failed('too_large') : ok(body);
  try {
    const options = { maxOutputLength: maxBytes };
    return ok(await (encoding === 'gzip' ? gunzipBytes(body, options) : unbrotli(body, options)));
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ERR_BUFFER_TOO_LARGE') return failed('too_large');
    // The decoders' own codes (nodejs.org/api/zlib.html); anything else is not the sender's doing.
    if (/^(?:Z_|ERR__ERROR_|ERR_BROTLI_)/.test(code)) return failed('damaged');
    throw error;
  }
}
