import { capture, isKnown, type Fact, type Journal, type Receipt } from '../journal/index.ts';

type Status = Receipt['status'];

/** Answers, chunk by chunk, what capture would say of facts; nothing of them is kept. */
export type Rehearsal = (facts: readonly Fact[]) => readonly Status[];

/** A rehearsal that remembers the new facts it has seen, as the journal would. */
export function createRehearsal(journal: Journal): Rehearsal {
  const seen = new Map<string, string>();
  return (facts) => {
    const known = facts.filter(({ event }) => isKnown(journal.db, event.envelope.eventId));
    const answers = captureAndUndo(journal, known);
    const judged = new Map(known.map((fact, index) => [fact, answers[index]?.status]));
    return facts.map((fact) => judged.get(fact) ?? judgeNew(seen, fact));
  };
}

/** The journal itself tells a repetition from a conflict; what it notes on the way is rolled back. */
function captureAndUndo(journal: Journal, known: readonly Fact[]): readonly Receipt[] {
  if (known.length === 0) return [];
  const undo = new Error('a rehearsal keeps nothing');
  let receipts: readonly Receipt[] = [];
  try {
    journal.db.tx(() => {
      receipts = capture(journal, known);
      throw undo;
    });
  } catch (error) {
    if (error !== undo) throw error;
  }
  return receipts;
}

function judgeNew(seen: Map<string, string>, { event }: Fact): Status {
  const first = seen.get(event.envelope.eventId);
  if (first !== undefined) return first === event.sha256 ? 'known' : 'conflict';
  seen.set(event.envelope.eventId, event.sha256);
  return 'captured';
}
