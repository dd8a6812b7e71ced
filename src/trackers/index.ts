// Trackers: what a project is bound to elsewhere, what of it is known here, and the snapshots of it that travel.
// Here: providers, resource routing.
// Not here: where snapshots go and what became of them there (delivery).
export { DOCTRINE_MODES, normaliseProvider, parseProvider, PROVIDERS } from './providers.ts';
export type { DoctrineMode, Provider } from './providers.ts';
export { RESOURCE_ROUTING_MAP, resolveResourceRouting } from './routing.ts';
export type { ResourceRoute } from './routing.ts';
