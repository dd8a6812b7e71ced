// What the package offers to programs: the same functions the command line is made of, without its table.
export { createSystem, EXIT, UserError } from './base/index.ts';
export type { ExitCode, System } from './base/index.ts';
export { findProject, openHome, resolveSyncTarget } from './home/index.ts';
export type { EventSyncConfig, Home, Http, Project, ResolvedSyncTarget } from './home/index.ts';
export { capture, emit, openJournal } from './journal/index.ts';
export type { Draft, Fact, Journal, Receipt } from './journal/index.ts';
export { importMissions } from './missions/index.ts';
export type { ImportOptions, ImportReport } from './missions/index.ts';
export { createHttpReceiver, createStubReceiver, pushContent } from './receivers/index.ts';
export type {
  BatchReply,
  BodyPlace,
  DeliveryReceiver,
  ExternalReceiver,
  Probe,
  PushReading,
  Receiver,
  StubReceiver,
  TeamspaceReceiver,
} from './receivers/index.ts';
export { drain, findDestination, grant, listRoutes, revoke } from './delivery/index.ts';
export type { Destination, DrainReport, Route, Target } from './delivery/index.ts';
export {
  namespaceOf,
  prepareBodyUploads,
  storeUpload,
  syncFeatureDossier,
} from './bodies/index.ts';
export type {
  DossierOutcome,
  DossierProblem,
  DossierRun,
  NamespaceIssue,
  NamespaceRef,
  Preparation,
  Prepared,
  Stored,
  Upload,
  UploadOutcome,
  UploadStatus,
} from './bodies/index.ts';
export { SUPPORTED_INLINE_FORMATS } from './wire/index.ts';
export type { SupportedInlineFormat } from './wire/index.ts';
export { RESOURCE_ROUTING_MAP, resolveResourceRouting } from './trackers/index.ts';
export { balance, gatherHome, gatherProject, runPreflight } from './report/index.ts';
export type {
  Books,
  HomeStatus,
  OwnerMismatch,
  PreflightResult,
  ProjectStatus,
} from './report/index.ts';
export type { ForegroundIdentity } from './daemon/index.ts';
