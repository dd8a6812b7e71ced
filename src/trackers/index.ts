// Trackers: what a project is bound to elsewhere, what of it is known here, and the snapshots of it that travel.
// Here: bindings, credentials, resource routing, pulled issues, mappings, published snapshots.
// Not here: where snapshots go and what became of them there (delivery).
export { readBinding, removeBinding, writeBinding, type Binding } from './binding.ts';
export { forgetCredentials, looksSecret, readCredentials, saveCredentials } from './credentials.ts';
export type { Account, Credentials } from './credentials.ts';
export { DOCTRINE_MODES, normaliseProvider, parseDoctrineMode } from './providers.ts';
export { parseProvider, PROVIDERS, type DoctrineMode, type Provider } from './providers.ts';
export { pullIssues, type PullReport } from './pull/pulling.ts';
export { RESOURCE_ROUTING_MAP, resolveResourceRouting } from './routing.ts';
export type { ResourceRoute } from './routing.ts';
export { keepSnapshot, type KeptSnapshot } from './snapshots.ts';
export { claimantOf, countKept, findBinding, keepMapping, mappingToWire } from './store.ts';
export { rawIssue, readCheckpoint, readMappings, type Mapping } from './store.ts';
export { snapshotsStream } from './stream.ts';
export { openTracking, type Tracking } from './tracking.ts';
