import type { Clock, Log } from '../../../base/index.ts';
import { patienceOf, type StreamPatience, type Streaming } from '../../http/long-answer.ts';
import { EXPORTS, STREAM_READS_AT_WORK, STREAMS } from '../../limits.ts';
import { createPlaces, type Places } from '../../operations/places.ts';
import { createLine, type Line } from '../../sharing/line.ts';

/** What streams and files of events share in a process. */
export interface Desk extends Streaming {
  readonly streams: Places;
  readonly exports: Places;
  /** Lets a few at a time hold events with their bytes. */
  readonly reads: Line;
}

export interface DeskOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Aborted when the receiver stops, which ends streams; never when absent. */
  readonly closing?: AbortSignal;
  /** Shorter patience of streams, for tests. */
  readonly streamPatience?: Partial<StreamPatience>;
}

/** A desk at which nobody is yet. */
export function createDesk({ clock, log, closing, streamPatience }: DeskOptions): Desk {
  return {
    clock,
    log,
    closing: closing ?? new AbortController().signal,
    patience: patienceOf(streamPatience),
    streams: createPlaces(STREAMS),
    exports: createPlaces(EXPORTS),
    reads: createLine(clock, {
      places: STREAM_READS_AT_WORK,
      perTeam: Math.ceil(STREAM_READS_AT_WORK / 2),
    }),
  };
}
