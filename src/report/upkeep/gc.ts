import type { Db } from '../../base/index.ts';
import { stillUnneeded, type NeedRule } from '../../delivery/index.ts';
import type { Home } from '../../home/index.ts';
import { dropPayloads, emptyLog, reclaim, storeBytes } from '../../journal/index.ts';
import type { RetentionPlan } from './plan.ts';

/** What was dropped, and what the disk got back for it. */
export interface Dropped {
  readonly events: number;
  /** Bytes of the payloads. */
  readonly bytes: number;
  /** Size of the store and its log before and after, in bytes, as the file system tells it. */
  readonly storeBefore: number;
  readonly storeAfter: number;
}

/** Dropped in one transaction: at most so many, and no more bytes than that when there are several. */
const STEP_EVENTS = 1_000;
const STEP_BYTES = 1_048_576;

/**
 * Drops the payloads of a plan, in short transactions between which captures and drains go on; each looks once more
 * whether a payload is still needed by nobody. Then the room goes back to the disk. A process that dies on the way
 * has dropped some of them, and the next run drops the others.
 */
export function dropPlanned(
  home: Home,
  db: Db,
  options: {
    readonly plan: Pick<RetentionPlan, 'unneeded'>;
    readonly rule: NeedRule;
    readonly archiveId: number | null;
  },
): Dropped {
  const { clock, faults, files } = home.system;
  const { plan, rule, archiveId } = options;
  emptyLog(db);
  const storeBefore = storeBytes(db, files);
  let events = 0;
  let bytes = 0;
  for (const step of stepsOf(plan.unneeded)) {
    const dropped = db.tx(() => {
      const seqs = stillUnneeded(db, rule, step);
      const done = dropPayloads(db, { seqs, archiveId, now: clock.now() });
      faults.at('gc.drop');
      return done;
    });
    events += dropped.events;
    bytes += dropped.bytes;
    emptyLog(db);
  }
  reclaim(db, faults);
  return { events, bytes, storeBefore, storeAfter: storeBytes(db, files) };
}

function* stepsOf(unneeded: RetentionPlan['unneeded']): Generator<readonly number[]> {
  let step: number[] = [];
  let held = 0;
  for (const { seq, bytes } of unneeded) {
    if (step.length === STEP_EVENTS || (step.length > 0 && held + bytes > STEP_BYTES)) {
      yield step;
      step = [];
      held = 0;
    }
    step.push(seq);
    held += bytes;
  }
  if (step.length > 0) yield step;
}
