import { readFileSync } from 'node:fs';

/** One change of a disk, or an acknowledgement, in the order in which they happened. */
export type Step =
  | {
      readonly kind: 'write';
      readonly path: string;
      readonly at: number | null;
      readonly bytes: Buffer;
    }
  | { readonly kind: 'truncate'; readonly path: string; readonly size: number }
  | { readonly kind: 'sync'; readonly path: string }
  | { readonly kind: 'create' | 'mkdir' | 'unlink'; readonly path: string }
  | { readonly kind: 'link' | 'rename'; readonly path: string; readonly to: string }
  | { readonly kind: 'ack'; readonly n: number };

const CALL = /^(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)/;
const ESCAPED = /\\x([0-9a-f]{2})/g;
const STRING = /"((?:\\x[0-9a-f]{2})*)"/g;
const DESCRIPTOR = /^(\d+)<([^>]*)>/;
const LAST_NUMBER = /, (\d+)$/;

/** A call of the log, its words taken apart. */
interface Call {
  readonly words: string;
  readonly result: number;
  /** The number of the file it is about, and the path behind it; empty when it is about a name. */
  readonly descriptor: string;
  readonly path: string;
  /** Its texts: the bytes that are written, or names. */
  readonly texts: readonly Buffer[];
}

/** Reads a tracer's log; calls that failed changed nothing. Only what lies below `root` is told. */
export function readDiskLog(file: string, root: string): readonly Step[] {
  const steps: Step[] = [];
  for (const line of readFileSync(file, 'latin1').split('\n')) {
    if (/unfinished|resumed/.test(line)) throw new Error(`calls overlap: ${line.slice(0, 200)}`);
    const [, call = '', words = '', result = '-1'] = CALL.exec(line) ?? [];
    if (Number(result) < 0) continue;
    const step = STEPS[call]?.(takeApart(words, Number(result))) ?? null;
    if (step !== null && (step.kind === 'ack' || step.path.startsWith(root))) steps.push(step);
  }
  return steps;
}

const STEPS: Readonly<Record<string, (call: Call) => Step | null>> = {
  openat: (call) =>
    call.words.includes('O_CREAT') ? { kind: 'create', path: nameIn(call) } : null,
  mkdir: (call) => ({ kind: 'mkdir', path: nameIn(call) }),
  unlink: (call) => ({ kind: 'unlink', path: nameIn(call) }),
  link: (call) => ({ kind: 'link', path: nameIn(call), to: nameIn(call, 1) }),
  rename: (call) => ({ kind: 'rename', path: nameIn(call), to: nameIn(call, 1) }),
  pwrite64: (call) => ({
    kind: 'write',
    path: call.path,
    at: lastNumber(call),
    bytes: written(call),
  }),
  write: (call) =>
    call.descriptor === '1'
      ? ackOf(nameIn(call))
      : { kind: 'write', path: call.path, at: null, bytes: written(call) },
  ftruncate: (call) => ({ kind: 'truncate', path: call.path, size: lastNumber(call) }),
  fsync: ({ path }) => ({ kind: 'sync', path }),
  fdatasync: ({ path }) => ({ kind: 'sync', path }),
};

function takeApart(words: string, result: number): Call {
  const [, descriptor = '', path = ''] = DESCRIPTOR.exec(words) ?? [];
  const texts = [...words.matchAll(STRING)].map(([, text = '']) => decode(text));
  return { words, result, descriptor, path: decode(path).toString(), texts };
}

function nameIn({ texts }: Call, index = 0): string {
  return texts[index]?.toString() ?? '';
}

function written({ texts, result }: Call): Buffer {
  return texts[0]?.subarray(0, result) ?? Buffer.alloc(0);
}

function lastNumber({ words }: Call): number {
  return Number(LAST_NUMBER.exec(words)?.[1]);
}

function ackOf(line: string): Step | null {
  const n = /^ack (\d+) /.exec(line)?.[1];
  return n === undefined ? null : { kind: 'ack', n: Number(n) };
}

function decode(escaped: string): Buffer {
  return Buffer.from(escaped.replaceAll(ESCAPED, '$1'), 'hex');
}
