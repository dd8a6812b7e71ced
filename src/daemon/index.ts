// Daemon: who delivers in the background on this machine.
// Here: reading the record that the earlier program's daemon left. Not here: what follows from it (report).
export { readUpstreamOwner } from './upstream-owner.ts';
export type { OwnerRecord, OwnerStatus, UpstreamOwner } from './upstream-owner.ts';
