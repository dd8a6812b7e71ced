// Home: where we live. Paths, configuration with sources, sessions, project identity, git facts, the databases,
// the one resolved server, and the only door to the network. What is sent there, and why, is delivery's.
export { composeScope, resolveSyncTarget, targetToWire } from './authority.ts';
export type { ResolvedSyncTarget } from './authority.ts';
export { setFileAside } from './aside.ts';
export { releaseBallast, reserveBallast } from './ballast.ts';
export { readConfig, readForeignToml, writeConfig } from './config.ts';
export type { Config, ConfigChange } from './config.ts';
export { clearEndpoint, readEndpoint, tripEndpoint } from './endpoints.ts';
export { findGit, gitFacts, originUrl, primaryBranch, repoSlugOf } from './project/git.ts';
export { checkoutId, findCheckout, memoryStore, openHome, rememberProject } from './home.ts';
export type { Home, SpillMark, StoreOptions } from './home.ts';
export { createHttp } from './http.ts';
export type { Http } from './http.ts';
export type { HttpReply, HttpRequest } from './http-exchange.ts';
export { keepMark, markedProjects, raiseEpoch, readEpoch, readMark } from './marks.ts';
export type { Mark } from './marks.ts';
export { MACHINE_MIGRATIONS, PROJECT_MIGRATIONS } from './migrations.ts';
export { KEEP_EVERYTHING, MODE_AXES, modeInForce, parseSyncMode, SYNC_MODES } from './modes.ts';
export type { CaptureRules, OptOutPolicy, SyncMode } from './modes.ts';
export { homePaths } from './paths.ts';
export type { Place } from './paths.ts';
export { identifyProcess, isProvablyDead } from './process.ts';
export { initProject } from './project/init.ts';
export { findProject, projectRoot } from './project/project.ts';
export type { Project } from './project/project.ts';
export { saveSession, sessionFor } from './session.ts';
export { currentSyncTarget } from './sync-target.ts';
