// Delivery: where facts may go and what became of each there. Targets, routes, grants, generations, the ledger
// with its one state machine, who may drain, and the dispatcher that walks open → select → begin → post → record.
// Not here: how a receiver is spoken to (receivers), the facts themselves (journal).
export { readCounts, recount } from './counts.ts';
export { findDestination, type Destination } from './destination.ts';
export { connect, standingBlock } from './drain/connection.ts';
export { drain } from './drain/dispatcher.ts';
export { drainOwner } from './drain/drains.ts';
export { nextAttempt } from './drain/next-attempt.ts';
export { rememberDelivered, type DeliveredBefore } from './earlier.ts';
export { readRouteFacts, type RouteFacts } from './facts.ts';
export { acceptInstance, readFollow, type Generation } from './generations.ts';
export { attemptsOf, dropParked, dropStuck, listParked, retryParked } from './parked.ts';
export type { ParkedItem } from './parked.ts';
export { listDelivered } from './inspect/delivered.ts';
export { readDelivery, type ItemDelivery } from './inspect/item.ts';
export { formatCursor, parseCursor } from './inspect/cursor.ts';
export { readHistory, type EventHistory } from './inspect/history.ts';
export { countDeliveredEverywhere, isRetired, retireTarget } from './inspect/retirement.ts';
export { listAfter, listEvents, LOG_STATES, type LogEntry, type LogFilter } from './inspect/log.ts';
export { countReplaying, openReplay, planReplay, redeliver, type ReplayFilter } from './replay.ts';
export { listSightings } from './sightings.ts';
export { AGAIN, againIn } from './drain/remedies.ts';
export { undrained } from './drain/report.ts';
export type { DrainReport, ItemFailure, StreamReport } from './drain/report.ts';
export type { KindWaiting } from './queue/kinds.ts';
export type { QueueFacts, QueueFailure } from './queue/queue.ts';
export { listStuck } from './queue/stuck.ts';
export { claimRoutes, countCovered, coversCheckout, grant, revoke } from './grants.ts';
export { activate, listRoutes, readActive, routeTo } from './routes.ts';
export type { Route } from './routes.ts';
export { eventsStream, type ItemCounts, type Stream } from './stream.ts';
export { findTarget, headersOf, originOf, pushUrlOf, registerTarget } from './targets.ts';
export { setHeaders, takesStream, type Target } from './targets.ts';
export { DELIVERY_STATES, transition } from './transition.ts';
export { readWaiting, type Waiting } from './waiting.ts';
export { findUnevenPasses, mendPasses } from './upkeep/mending.ts';
export { countRegistered, queueSkipped, selectUnneeded, stillUnneeded } from './upkeep/settled.ts';
export type { NeedRule, Unneeded } from './upkeep/settled.ts';
