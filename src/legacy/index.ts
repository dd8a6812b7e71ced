// Legacy: what the Python command line left in a home. Its databases are read and never written.
// Here: how much of a project waits in old queue databases. Not here: our own stores (home, journal).
export { countLegacyRows } from './queues.ts';
export type { LegacyRows } from './queues.ts';
