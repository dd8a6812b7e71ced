// What the package offers to programs: the same functions the command line is made of, without its table.
export { createSystem, EXIT, UserError } from './base/index.ts';
export type { ExitCode, System } from './base/index.ts';
export { findProject, openHome, resolveSyncTarget } from './home/index.ts';
export type { Home, Http, Project, ResolvedSyncTarget } from './home/index.ts';
export { capture, emit, openJournal } from './journal/index.ts';
export type { Draft, Fact, Journal, Receipt } from './journal/index.ts';
export { importMissions } from './missions/index.ts';
export type { ImportOptions, ImportReport } from './missions/index.ts';
export { createHttpReceiver, createStubReceiver } from './receivers/index.ts';
export type { BatchReply, Receiver } from './receivers/index.ts';
export { drain, findDestination, grant, listRoutes, revoke } from './delivery/index.ts';
export type { Destination, DrainReport, Route, Target } from './delivery/index.ts';
export { namespaceOf, storeUpload, syncFeatureDossier } from './bodies/index.ts';
export type { DossierOutcome, DossierRun, NamespaceRef, Upload } from './bodies/index.ts';
export type { UploadOutcome } from './bodies/index.ts';
export { RESOURCE_ROUTING_MAP, resolveResourceRouting } from './trackers/index.ts';
export { balance, gatherProject } from './report/index.ts';
export type { Books, ProjectStatus } from './report/index.ts';
