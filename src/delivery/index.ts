// Delivery: where facts may go and what became of each there. Targets, routes, grants, generations, the ledger
// with its one state machine, who may drain, and the dispatcher that walks open → select → begin → post → record.
// Not here: how a receiver is spoken to (receivers), the facts themselves (journal).
export { cutBatch, DEFAULT_BATCH_LIMITS } from './drain/batcher.ts';
export { readCounts, recount } from './counts.ts';
export type { StateCounts } from './counts.ts';
export { findDestination } from './destination.ts';
export type { Destination } from './destination.ts';
export { drain } from './drain/dispatcher.ts';
export type { DrainOptions } from './drain/sending.ts';
export { drainOwner } from './drain/drains.ts';
export { readRouteFacts } from './facts.ts';
export type { RouteFacts } from './facts.ts';
export { acceptInstance, readFollow } from './generations.ts';
export type { Generation } from './generations.ts';
export type { Pacing } from './drain/pacing.ts';
export { attemptsOf, dropParked, listParked, retryParked } from './parked.ts';
export type { ParkedItem } from './parked.ts';
export type { DrainReport, ItemFailure } from './drain/report.ts';
export {
  activate,
  claimRoutes,
  countCovered,
  coversCheckout,
  grant,
  listRoutes,
  readActive,
  revoke,
  routeTo,
} from './routes.ts';
export type { Active, Route } from './routes.ts';
export { eventsStream } from './stream.ts';
export type { Stream } from './stream.ts';
export { findTarget, headersOf, registerTarget, setHeaders } from './targets.ts';
export type { Target } from './targets.ts';
export { backoffMs, clampRetryAfter, DELIVERY_STATES, transition } from './transition.ts';
export type { DeliveryState } from './transition.ts';
