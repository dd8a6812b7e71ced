import { spawnSync } from 'node:child_process';
import { say } from './sizes.ts';

/** The calls by which the product changes what is on a disk. */
export const CHANGING_CALLS = [
  'pwrite64',
  'write',
  'fsync',
  'fdatasync',
  'ftruncate',
  'rename',
  'link',
  'unlink',
  'mkdir',
] as const;

export type ChangingCall = (typeof CHANGING_CALLS)[number];

/** Whether a tracer can kill and fail other programs at a call here; says aloud where it cannot. */
export function straceInjects(what: string): boolean {
  // The second write of the shell must not happen: a tracer that only watches lets it pass.
  const words = [...killAt('write', 2), 'sh', '-c', 'echo one; echo two'];
  const [command = '', ...args] = words;
  const probe = spawnSync(command, args, { encoding: 'utf8' });
  if (probe.signal === 'SIGKILL' && probe.stdout === 'one\n') return true;
  say(
    `NOT RUN: ${what}, because strace cannot inject here (${probe.error?.message ?? 'no ptrace'})`,
  );
  return false;
}

/** Kills the program when its first thread makes this call for the n-th time, before the call happens. */
export function killAt(call: ChangingCall, n: number): readonly string[] {
  return injecting(call, `signal=KILL:when=${n}`);
}

/** Fails a call of the program's first thread. @param when `3`: the third time, `3+`: from then on. */
export function failAt(call: ChangingCall, error: string, when: string): readonly string[] {
  return injecting(call, `error=${error}:when=${when}`);
}

/** Writes every changing call of the program's first thread, with all its bytes, to a file. */
export function logCalls(file: string): readonly string[] {
  const calls = ['openat', ...CHANGING_CALLS].join(',');
  return ['strace', '-qq', '-y', '-xx', '-s', '4000000', '-o', file, '-e', `trace=${calls}`];
}

/** Writes the names of the changing calls of the program's first thread to a file. */
export function countCalls(file: string): readonly string[] {
  return ['strace', '-qq', '-s', '0', '-o', file, '-e', `trace=${CHANGING_CALLS.join(',')}`];
}

// Only the first thread is traced, where the product does all of this. Not with --seccomp-bpf: the tracer would
// then be asked about calls and told nothing to do.
function injecting(call: ChangingCall, what: string): readonly string[] {
  const words = ['-qq', '-o', '/dev/null', '-e', `trace=${call}`, '-e', `inject=${call}:${what}`];
  return ['strace', ...words];
}
