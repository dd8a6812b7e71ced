// Legacy: what the Python command line left on this machine. Its databases are read and never written.
// Here: finding and reading them, every row accounted for, conflicts and their decisions, events without a project,
// what still waits. Not here: our own stores (home, journal), where the rows go from there (delivery).
export type { Conflict } from './account.ts';
export { archiveSources, putAsideCommand } from './archive.ts';
export type { Archived } from './archive.ts';
export { assignEvents, listConflicts, resolveConflicts } from './decisions.ts';
export type { Keep } from './decisions.ts';
export { migrateSources } from './migrate.ts';
export type { Migration } from './migrate.ts';
export { countWithoutProject, legacyRowsOf, NOT_LOOKED_AT, readLegacy } from './status.ts';
export { waitingRowsOf } from './status.ts';
export type { LegacyRows, LegacyView, WaitingRows } from './status.ts';
