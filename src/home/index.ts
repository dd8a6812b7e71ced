// Home: where we live. Paths, configuration with sources, sessions, project identity, git facts, the databases,
// the one resolved server, and the only door to the network. What is sent there, and why, is delivery's.
export { resolveSyncTarget, targetToWire } from './authority.ts';
export type {
  OverrideMode,
  QueueScopeStatus,
  ResolvedSyncTarget,
  SyncTargetFacts,
} from './authority.ts';
export { parseSyncMode, readConfig, SYNC_MODES, writeConfig } from './config.ts';
export type { Config, ConfigChange, Setting, SyncMode } from './config.ts';
export { clearEndpoint, readEndpoint, tripEndpoint } from './endpoints.ts';
export type { EndpointHealth } from './endpoints.ts';
export { gitFacts } from './project/git.ts';
export type { GitFacts, GitPlace } from './project/git.ts';
export { checkoutId, openHome, rememberProject } from './home.ts';
export type { Home, SpillMark, StoreOptions } from './home.ts';
export { createHttp } from './http.ts';
export type { Http } from './http.ts';
export type { FailureReason, HttpReply, HttpRequest } from './http-exchange.ts';
export { MACHINE_MIGRATIONS, PROJECT_MIGRATIONS } from './migrations.ts';
export { homePaths } from './paths.ts';
export type { Paths, Place } from './paths.ts';
export { identifyProcess, isProvablyDead } from './process.ts';
export type { ProcessIdentity } from './process.ts';
export { initProject } from './project/init.ts';
export type { InitReport } from './project/init.ts';
export { findProject, machineNodeId, projectRoot } from './project/project.ts';
export type { Project } from './project/project.ts';
export { dropSession, saveSession, sessionFor } from './session.ts';
export type { NewSession, Session } from './session.ts';
export { currentSyncTarget } from './sync-target.ts';
export type { SyncTargetOptions } from './sync-target.ts';
