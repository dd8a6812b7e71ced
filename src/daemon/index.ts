// Daemon: who delivers in the background of this home, and how.
// Here: the lease and its fence, what two programs must agree on, the record that the earlier program's daemon left.
// Not here: what follows from it (report), who starts it (cli).
export { identifyProgram } from './identity.ts';
export type { ForegroundIdentity, ProgramIdentity } from './identity.ts';
export { claimLease, readState, releaseLease, renewLease, requestStop } from './lease.ts';
export type { DaemonOwner, DaemonState, Lease } from './lease.ts';
export { readUpstreamOwner } from './upstream-owner.ts';
export type { OwnerRecord, UpstreamOwner } from './upstream-owner.ts';
