import { capture, type Fact, type Journal, type Receipt } from '../journal/index.ts';

/** What a rehearsal says of a fact: the part of a receipt that is counted. */
export type Rehearsed = Pick<Receipt, 'status' | 'optOut'>;

/** Answers, chunk by chunk, what capture would say of facts; nothing of them is kept. */
export type Rehearsal = (facts: readonly Fact[]) => readonly Rehearsed[];

/**
 * A rehearsal that remembers the new facts it has seen, as the journal would. About every other fact capture itself
 * is asked, which alone tells a repetition from a conflict and knows what the mode drops; what it writes is undone.
 */
export function createRehearsal(journal: Journal): Rehearsal {
  const seen = new Map<string, string>();
  const isSeen = ({ event }: Fact): boolean => seen.has(event.envelope.eventId);
  return (facts) => {
    const asked = facts.filter((fact) => !isSeen(fact));
    const receipts = captureAndUndo(journal, asked);
    const judged = new Map<Fact, Rehearsed | undefined>(
      asked.map((fact, index) => [fact, receipts[index]]),
    );
    for (const fact of facts.filter(isSeen)) judged.set(fact, judgeSeen(seen, fact));
    for (const [index, { event }] of asked.entries()) {
      if (receipts[index]?.seq != null) seen.set(event.envelope.eventId, event.sha256);
    }
    return facts.map((fact) => judged.get(fact) ?? { status: 'known' });
  };
}

function captureAndUndo(journal: Journal, facts: readonly Fact[]): readonly Receipt[] {
  if (facts.length === 0) return [];
  const undo = new Error('a rehearsal keeps nothing');
  let receipts: readonly Receipt[] = [];
  try {
    journal.db.tx(() => {
      receipts = capture(journal, facts);
      throw undo;
    });
  } catch (error) {
    if (error !== undo) throw error;
  }
  return receipts;
}

function judgeSeen(seen: ReadonlyMap<string, string>, { event }: Fact): Rehearsed {
  return { status: seen.get(event.envelope.eventId) === event.sha256 ? 'known' : 'conflict' };
}
