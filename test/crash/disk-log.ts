import { readFileSync } from 'node:fs';

/** One change of a disk, or an acknowledgement, in the order in which they happened. */
export type Step =
  | { readonly kind: 'write'; readonly path: string; readonly at: number | null; readonly bytes: Buffer }
  | { readonly kind: 'truncate'; readonly path: string; readonly size: number }
  | { readonly kind: 'sync'; readonly path: string }
  | { readonly kind: 'create' | 'mkdir' | 'unlink'; readonly path: string }
  | { readonly kind: 'link' | 'rename'; readonly path: string; readonly to: string }
  | { readonly kind: 'ack'; readonly n: number };

const CALL = /^(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)/;
const ESCAPED = /\\x([0-9a-f]{2})/g;
const STRING = /"((?:\\x[0-9a-f]{2})*)"/g;
const DESCRIPTOR = /^(\d+)<([^>]*)>/;

/** Reads a tracer's log; calls that failed changed nothing. Only what lies below `root` is told. */
export function readDiskLog(file: string, root: string): readonly Step[] {
  const steps: Step[] = [];
  for (const line of readFileSync(file, 'latin1').split('\n')) {
    if (/unfinished|resumed/.test(line)) throw new Error(`calls overlap: ${line.slice(0, 200)}`);
    const [, call = '', words = '', result = '-1'] = CALL.exec(line) ?? [];
    if (Number(result) < 0) continue;
    const step = stepOf(call, words, Number(result));
    if (step !== null && (step.kind === 'ack' || step.path.startsWith(root))) steps.push(step);
  }
  return steps;
}

function stepOf(call: string, words: string, result: number): Step | null {
  const [, descriptor = '', escapedPath = ''] = DESCRIPTOR.exec(words) ?? [];
  const path = decode(escapedPath).toString();
  const [first = '', second = ''] = [...words.matchAll(STRING)].map(([, text = '']) => text);
  const named = decode(first).toString();
  switch (call) {
    case 'openat':
      return words.includes('O_CREAT') ? { kind: 'create', path: named } : null;
    case 'pwrite64':
      return { kind: 'write', path, at: Number(/, (\d+)$/.exec(words)?.[1]), bytes: decode(first).subarray(0, result) };
    case 'write':
      return descriptor === '1' ? ackOf(named) : { kind: 'write', path, at: null, bytes: decode(first).subarray(0, result) };
    case 'ftruncate':
      return { kind: 'truncate', path, size: Number(/, (\d+)$/.exec(words)?.[1]) };
    case 'fsync':
    case 'fdatasync':
      return { kind: 'sync', path };
    case 'mkdir':
    case 'unlink':
      return { kind: call, path: named };
    case 'link':
    case 'rename':
      return { kind: call, path: named, to: decode(second).toString() };
    default:
      return null;
  }
}

function ackOf(line: string): Step | null {
  const n = /^ack (\d+) /.exec(line)?.[1];
  return n === undefined ? null : { kind: 'ack', n: Number(n) };
}

function decode(escaped: string): Buffer {
  return Buffer.from(escaped.replaceAll(ESCAPED, '$1'), 'hex');
}
