// Report: what is the state of things. Facts are gathered once, read-only; everything said is derived from them.
// Here: the facts of a project and of the whole home, the books of each target, the identity boundary.
// Not here: how they are printed (cli).
export { check, CHECK_CODES, exitOf, judge } from './checks.ts';
export { sendTo } from './at-route.ts';
export type { Finding, Judged } from './finding.ts';
export { balance, isSettled } from './conservation.ts';
export type { Books } from './conservation.ts';
export { compareOwner } from './boundary.ts';
export type { BoundaryFacts, Owner, OwnerMismatch } from './boundary.ts';
export { judgeBoundary, runPreflight } from './preflight.ts';
export type { PreflightResult } from './preflight.ts';
export { diagnose, diagnoseBody } from './diagnosis.ts';
export type { BodyDiagnosis, Diagnosis } from './diagnosis.ts';
export { actionFor, categoryOf, countCategories } from './error-category.ts';
export type { ErrorCategory } from './error-category.ts';
export { gatherProject } from './facts.ts';
export type { ProjectStatus, RouteStatus, StreamStatus } from './facts.ts';
export { gatherHome } from './home-status.ts';
export type { HomeStatus, KnownProject } from './home-status.ts';
export { archive, checkArchive, restore } from './upkeep/archive.ts';
export { dropPlanned } from './upkeep/gc.ts';
export type { Dropped } from './upkeep/gc.ts';
export { verify } from './upkeep/verify.ts';
export type { Verification } from './upkeep/verify.ts';
export { planRetention } from './upkeep/plan.ts';
export type { RetentionPlan } from './upkeep/plan.ts';
export { waitingBodies, waitingEvents } from './waiting.ts';
