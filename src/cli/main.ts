// The process's own door: the one place of the command line that reads argv, environment and standard streams.
import process from 'node:process';
import { isatty } from 'node:tty';
import { EXIT, faultsFrom, noFaults, type Faults } from '../base/index.ts';
import { run } from './door.ts';
import type { Io, Writer } from './io.ts';

const STDIN = 0;

/** Runs the command line of this process and sets its exit code. */
export async function runProcess(): Promise<void> {
  const stopping = new AbortController();
  const stop = (): void => {
    if (stopping.signal.aborted) process.exit(EXIT.interrupted);
    stopping.abort();
  };
  process.once('SIGTERM', stop);
  process.on('SIGINT', stop);
  // A reader that went away (`| head`) is no failure of ours.
  process.stdout.on('error', ignoreClosedPipe);
  const exit = await run(process.argv.slice(2), processIo(stopping.signal));
  process.exitCode = stopping.signal.aborted && exit !== EXIT.fine ? EXIT.interrupted : exit;
}

function processIo(signal: AbortSignal): Io {
  const { env } = process;
  return {
    env,
    cwd: process.cwd(),
    // Opening standard input costs a millisecond that most commands need not pay.
    stdin: {
      isTTY: isatty(STDIN),
      get chunks() {
        return process.stdin;
      },
    },
    stdout: writer(process.stdout),
    stderr: writer(process.stderr),
    ask: (question) => ask(question),
    signal,
    faults: faultsOf(env['SPEC_KITTY_FAULT']),
  };
}

function writer(stream: NodeJS.WriteStream): Writer {
  return {
    isTTY: stream.isTTY ?? false,
    write: (text) => {
      stream.write(text);
    },
  };
}

async function ask(question: string): Promise<string | null> {
  if (!isatty(STDIN) || process.stdout.isTTY !== true) return null;
  const { createInterface } = await import('node:readline/promises');
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await prompt.question(question);
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

function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}
