// Server: the receiver one runs oneself. What it stores and answers, who may send and read, how it listens.
// What travels is wire's; commands, signals and the environment are the command line's.
export { createApp, type App, type AppOptions, type Deployment } from './app.ts';
export { addUser, createTeam, inviteAgain, listProjects } from './identity/administration.ts';
export { listTeams, listUsers, readAudit, rotateSigningKey } from './identity/administration.ts';
export { setAccount, teamForOperator } from './identity/administration.ts';
export type { Identity } from './identity/identity.ts';
export { removeTeamMember, setTeamMember } from './identity/membership.ts';
export { listResources, mapResource } from './identity/resources.ts';
export { ROLES } from './identity/rights.ts';
export { firstLink } from './login/setup.ts';
export { type Moved, moveStore } from './moving/move.ts';
export { createToken, listArtifacts, listEvents, listNamespaces, listTokens } from './operator.ts';
export { revokeToken, showEvent } from './operator.ts';
export type { ArtifactOptions, EventPage, ListOptions, NamespaceOptions } from './operator.ts';
export type { NewTokenOptions, TextPage } from './operator.ts';
export { backUp, restore, type Restored } from './operations/backup.ts';
export { erase, type Erased, type Erasure } from './operations/erasing.ts';
export { limitTeam, listQuotas } from './operations/quotas.ts';
export { type Receiver, serve, type ServeOptions } from './serve.ts';
export type { ArtifactEntry, ArtifactVersion, NamespaceEntry } from './store/artifacts.ts';
export type { EventEntry, StoredEvent } from './store/events.ts';
export { isPostgres, openStore, type Store, type StoreOptions } from './store/store.ts';
export { TOKEN_SCOPES, type TokenEntry, type TokenScope } from './store/tokens.ts';
export { rebuildViews } from './views/catch-up.ts';
