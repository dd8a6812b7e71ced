// Missions: what Spec Kitty writes below kitty-specs, read into the journal.
// Here: finding missions and their logs without following links, the shapes of lines, import, what waits for it.
// Not here: where facts go from the journal (delivery), documents of a mission (bodies).
export { chooseMissions, discoverMissions } from './discover.ts';
export type { Discovery } from './discover.ts';
export { importMissions } from './import.ts';
export type {
  ImportOptions,
  ImportReport,
} from './import.ts';
export { pendingLines } from './pending.ts';
export type { PendingLines } from './pending.ts';
export { setUpPlan } from './planning/plan.ts';
export type { PlanOutcome } from './planning/plan.ts';
export { readWorkPackages, workPackageFacts } from './planning/work-packages.ts';
export type { MissionPlace, WorkPackage } from './planning/work-packages.ts';
