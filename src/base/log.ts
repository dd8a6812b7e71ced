import type { Clock } from './clock.ts';

export type LogValue = string | number | boolean | null | readonly string[];
export type LogFields = Readonly<Record<string, LogValue>>;

/** One wide JSON line per drain, batch, capture or ingest. Never payloads, tokens or artifact text. */
export interface Log {
  info(event: string, fields: LogFields): void;
  error(event: string, fields: LogFields): void;
}

/**
 * Says nothing.
 * @public
 */
export const silentLog: Log = { info: () => {}, error: () => {} };

/** A log whose lines go to `write`, one JSON object each, ending in a newline. */
export function createLog(clock: Clock, write: (line: string) => void): Log {
  const emit = (level: string, event: string, fields: LogFields): void => {
    const at = new Date(clock.now()).toISOString();
    write(`${JSON.stringify({ at, level, event, ...fields })}\n`);
  };
  return {
    info: (event, fields) => {
      emit('info', event, fields);
    },
    error: (event, fields) => {
      emit('error', event, fields);
    },
  };
}
