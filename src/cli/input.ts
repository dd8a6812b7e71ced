import fs from 'node:fs';
import path from 'node:path';
import { EXIT, isSystemError, messageOf, UserError } from '../base/index.ts';
import type { Context } from './io.ts';

const NEWLINE = 0x0a;

/**
 * The bytes of a file, or of standard input for `-`, chunk by chunk.
 * @throws UserError `usage` when the file cannot be read.
 */
export async function* readChunks(context: Context, name: string): AsyncGenerator<Uint8Array> {
  if (name === '-') {
    yield* context.io.stdin.chunks;
    return;
  }
  const file = path.resolve(context.system.cwd, name);
  try {
    for await (const chunk of fs.createReadStream(file)) yield chunk as Uint8Array;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new UserError('usage', `cannot read ${name}: ${messageOf(error)}`, {
      remedy: null,
      exitCode: EXIT.refused,
    });
  }
}

/** All of it, at most `maxBytes`. @throws UserError `usage` beyond that. */
export async function readAll(context: Context, name: string, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of readChunks(context, name)) {
    bytes += chunk.length;
    if (bytes > maxBytes) {
      throw new UserError('usage', `${name} is larger than ${maxBytes} bytes`, {
        remedy: null,
        exitCode: EXIT.refused,
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** One line of an input; `bytes` is null for a line longer than the limit, whose end was looked for all the same. */
export interface InputLine {
  /** Counted from 1. */
  readonly number: number;
  readonly bytes: Buffer | null;
}

/** The lines of an input, without their line feeds, never holding more than one line and one chunk. */
export async function* splitLines(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<InputLine> {
  let parts: Uint8Array[] = [];
  let size = 0;
  let number = 1;
  const take = (part: Uint8Array): void => {
    size += part.length;
    if (size <= maxBytes) parts.push(part);
  };
  const finish = (): InputLine => {
    const line = { number, bytes: size > maxBytes ? null : Buffer.concat(parts) };
    parts = [];
    size = 0;
    number += 1;
    return line;
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
      take(chunk.subarray(from, at));
      yield finish();
      from = at + 1;
    }
    take(chunk.subarray(from));
  }
  if (size > 0) yield finish();
}
