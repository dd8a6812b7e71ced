// Journal: the facts of one project, in the order they were captured, immutable by the database.
// Here: capture, emit, the spill beside a store that cannot be written, event families, the Lamport clock, conflicts of known ids, counts.
// Not here: where facts may go and what became of them there (delivery), reading missions (missions).
export type { Fact } from './append.ts';
export { capture } from './capture.ts';
export type { Receipt } from './capture.ts';
export { countConflicts, isSameFact } from './conflicts.ts';
export { countDiscards, isAccountedFor, listAudit } from './discards.ts';
export type { AuditEntry } from './discards.ts';
export { captureDrafts } from './draft.ts';
export type { Draft } from './draft.ts';
export {
  checkHead,
  countQuarantined,
  findDamage,
  findMissing,
  quarantine,
} from './examine/payloads.ts';
export type { Damage } from './examine/payloads.ts';
export { salvageEvents, salvageSpill, tornSpill } from './examine/salvage.ts';
export { nodeIdOf } from './head.ts';
export { checkLineage, describeBroken, markJournal } from './lineage.ts';
export type { Broken } from './lineage.ts';
export { openJournal } from './journal.ts';
export type { Journal } from './journal.ts';
export { fatesUnder, NOTHING_DISCARDED, addTallies, tallyOptOut } from './policy.ts';
export type { DiscardDecision, OptOutTally } from './policy.ts';
export { findEvent, findIndexEvent, readFacts } from './read.ts';
export type { JournalFacts } from './read.ts';
export { ArchiveDamaged, readArchive, readHeader } from './retention/archive-file.ts';
export type { ArchiveHeader } from './retention/archive-file.ts';
export { archiveName, noteArchive, planArchive, writeArchive } from './retention/archives.ts';
export { dropPayloads, putBack, readAway } from './retention/payloads.ts';
export type { PayloadsAway, StoredPayload } from './retention/payloads.ts';
export { emptyLog, reclaim, storeBytes } from './retention/space.ts';
export { emit, record, takeIn } from './record.ts';
export type { Kept, TakenIn } from './record.ts';
export { readSpillStatus } from './spill.ts';
export type { SpillStatus } from './spill.ts';
