// The process's own door: the one place of the command line that reads argv, environment and standard streams.
import { fstatSync, writeSync } from 'node:fs';
import process from 'node:process';
import {
  errnoOf,
  EXIT,
  faultsFrom,
  noFaults,
  thisProgram,
  type ExitCode,
  type Faults,
} from '../base/index.ts';
import { run } from './door.ts';
import type { Io, Writer } from './io.ts';

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;

/** Runs the command line of this process and ends it. */
export async function runProcess(): Promise<void> {
  const stopping = new AbortController();
  const stop = (): void => {
    if (stopping.signal.aborted) process.exit(EXIT.interrupted);
    stopping.abort();
  };
  process.once('SIGTERM', stop);
  process.on('SIGINT', stop);
  const exit = await run(process.argv.slice(2), processIo(stopping.signal));
  // Everything is flushed where it matters; leaving at once spares closing what the system closes.
  process.exit(exitCode(exit, stopping.signal));
}

function exitCode(exit: ExitCode, signal: AbortSignal): ExitCode {
  return signal.aborted && exit !== EXIT.fine ? EXIT.interrupted : exit;
}

function processIo(signal: AbortSignal): Io {
  const { env } = process;
  return {
    env,
    cwd: process.cwd(),
    // Opening a standard stream costs a millisecond that most commands need not pay.
    stdin: {
      get isTTY() {
        return isTerminal(STDIN);
      },
      get chunks() {
        return process.stdin;
      },
    },
    stdout: writer(STDOUT),
    stderr: writer(STDERR),
    ask: (question, options) => ask(question, options?.secret ?? false),
    signal,
    faults: faultsOf(env['SPEC_KITTY_FAULT']),
    endsProcess: true,
    system: { program: thisProgram(process.argv[1] ?? null) },
  };
}

function writer(descriptor: typeof STDOUT | typeof STDERR): Writer {
  return {
    get isTTY() {
      return isTerminal(descriptor);
    },
    write: (text) => {
      writeWhole(descriptor, Buffer.from(text));
    },
  };
}

/** Writes all of it; a reader that went away (`| head`) is no failure of ours. */
function writeWhole(descriptor: number, bytes: Buffer): void {
  let from = 0;
  while (from < bytes.length) {
    try {
      from += writeSync(descriptor, bytes, from);
    } catch (error) {
      if (errnoOf(error) === 'EPIPE') return;
      // The other end of a pipe reads slower than we write.
      if (errnoOf(error) !== 'EAGAIN') throw error;
    }
  }
}

/** A character device may be a terminal; only then is the stream opened, which knows for certain. */
function isTerminal(descriptor: number): boolean {
  if (!fstatSync(descriptor).isCharacterDevice()) return false;
  if (descriptor === STDIN) return process.stdin.isTTY;
  return (descriptor === STDOUT ? process.stdout : process.stderr).isTTY;
}

async function ask(question: string, isSecret: boolean): Promise<string | null> {
  if (!isTerminal(STDIN) || !isTerminal(STDOUT)) return null;
  const { createInterface } = await import('node:readline/promises');
  const { Writable } = await import('node:stream');
  // The editor of lines echoes what is typed: for a secret it writes into nowhere.
  const nowhere = new Writable({
    write: (_chunk, _encoding, done) => {
      done();
    },
  });
  const prompt = createInterface({
    input: process.stdin,
    ...(isSecret ? { output: nowhere, terminal: true } : { output: process.stderr }),
  });
  try {
    if (!isSecret) return await prompt.question(question);
    process.stderr.write(question);
    const answer = await prompt.question('');
    process.stderr.write('\n');
    return answer;
  } finally {
    prompt.close();
  }
}

/** `SPEC_KITTY_FAULT=record.commit:2` kills the process there: how crash tests reach every named point. */
function faultsOf(spec: string | undefined): Faults {
  if (spec === undefined || spec === '') return noFaults;
  return faultsFrom(spec, () => {
    process.kill(process.pid, 'SIGKILL');
  });
}
