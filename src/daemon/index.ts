// Daemon: who delivers in the background of this home, and how.
// Here: the lease and its fence, what two programs must agree on, the loop, starting and stopping, the log, the record
// that the earlier program's daemon left. Not here: what follows from it (report), the work for a project (cli).
export { identifyProgram } from './identity.ts';
export type { ForegroundIdentity, ProgramIdentity } from './identity.ts';
export { claimLease, readState } from './lease.ts';
export type { DaemonOwner, DaemonState } from './lease.ts';
export { createDaemonLog, daemonLogFile } from './log-file.ts';
export { runLoop } from './loop.ts';
export type { BackgroundProject, BackgroundWork } from './loop.ts';
export { restartDaemon } from './restarting.ts';
export { serviceFor } from './service.ts';
export { daemonSettings } from './settings.ts';
export { spawnDaemon, startDaemon } from './starting.ts';
export { stopDaemon } from './stopping.ts';
export { readUpstreamOwner } from './upstream-owner.ts';
export type { OwnerRecord, UpstreamOwner } from './upstream-owner.ts';
export { readUpstreamState, strayUpstreams, type StrayProcess } from './upstream-process.ts';
