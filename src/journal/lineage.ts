import type { Db } from '../base/index.ts';
import { keepMark, readEpoch, readMark, type Home, type Mark } from '../home/index.ts';
import type { ProjectId } from '../wire/index.ts';
import type { Journal } from './journal.ts';

/** A journal that reaches less far than it did: how far it was seen to reach, and what is left. */
export interface Broken {
  readonly kind: 'lost' | 'rolled_back';
  readonly mark: Mark;
  /** Position of the last event that is there. */
  readonly lastSeq: number;
}

const LAST = 'SELECT seq, event_id FROM events ORDER BY seq DESC LIMIT 1';
const AT = 'SELECT event_id FROM events WHERE seq = :seq';

interface EventRow {
  readonly seq: number;
  readonly event_id: string;
}

/**
 * Compares a journal with how far it was seen to reach; null when it reaches as far and through the same event. The
 * mark is read first, because a journal only grows.
 */
export function checkLineage(home: Home, projectId: ProjectId, open: () => Db): Broken | null {
  const mark = readMark(home, projectId);
  const db = open();
  if (mark === null || mark.lastSeq === 0) return null;
  const there = db.get<Pick<EventRow, 'event_id'>>(AT, { seq: mark.lastSeq });
  if (readEpoch(db) > mark.epoch) return null;
  if (there?.event_id === mark.lastEventId && readEpoch(db) === mark.epoch) return null;
  const lastSeq = db.get<EventRow>(LAST)?.seq ?? 0;
  return { kind: lastSeq === 0 ? 'lost' : 'rolled_back', mark, lastSeq };
}

/** Notes for the machine how far a journal reaches now. */
export function markJournal(home: Home, { db, projectId, system }: Journal): void {
  const last = db.get<EventRow>(LAST);
  keepMark(home, projectId, {
    epoch: readEpoch(db),
    lastSeq: last?.seq ?? 0,
    lastEventId: last?.event_id ?? null,
    seenAt: system.clock.now(),
  });
}

/** What a broken journal is, for people. */
export function describeBroken({ kind, mark, lastSeq }: Broken): string {
  const seen = new Date(mark.seenAt).toISOString();
  return kind === 'lost'
    ? `the journal is lost: it held ${mark.lastSeq} event(s) at ${seen} and is empty`
    : `the journal was set back: it held ${mark.lastSeq} event(s) at ${seen}, and what is there now, ${lastSeq} event(s), does not reach through them`;
}
