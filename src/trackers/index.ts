// Trackers: what a project is bound to elsewhere, what of it is known here, and the snapshots of it that travel.
// Here: bindings, credentials, resource routing, pulled issues, mappings, published snapshots.
// Not here: where snapshots go and what became of them there (delivery).
export { readBinding, removeBinding, writeBinding } from './binding.ts';
export { forgetCredentials, looksSecret, readCredentials, saveCredentials } from './credentials.ts';
export type { Credentials } from './credentials.ts';
export { normaliseProvider, parseDoctrineMode, parseProvider, PROVIDERS } from './providers.ts';
export type { Provider } from './providers.ts';
export { pullIssues, type PullReport } from './pull/pulling.ts';
export { RESOURCE_ROUTING_MAP, resolveResourceRouting } from './routing.ts';
export { keepSnapshot, type KeptSnapshot } from './snapshots.ts';
export { claimantOf, countKept, findBinding, keepMapping, mappingToWire } from './store.ts';
export { rawIssue, readCheckpoint, readMappings } from './store.ts';
export { snapshotsStream } from './stream.ts';
export { openTracking, type Tracking } from './tracking.ts';
