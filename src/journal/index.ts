// Journal: the facts of one project, in the order they were captured, immutable by the database.
// Here: capture and emit, event families, the Lamport clock, conflicts of known ids, counts.
// Not here: where facts may go and what became of them there (delivery), reading missions (missions).
export { ORIGINS } from './append.ts';
export type { Fact, FactSource, Origin } from './append.ts';
export { capture, emit } from './capture.ts';
export type { Draft, Receipt } from './capture.ts';
export { countConflicts } from './conflicts.ts';
export { FAMILIES, familyOf } from './families.ts';
export type { Family } from './families.ts';
export { nodeIdOf, readHead } from './head.ts';
export { openJournal } from './journal.ts';
export type { Journal } from './journal.ts';
export { countIneligibleFrom, isKnown, readFacts } from './read.ts';
export type { JournalFacts } from './read.ts';
