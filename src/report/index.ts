// Report: what is the state of things. Facts are gathered once, read-only; everything said is derived from them.
// Here: the facts of a project, the books of each target, asking a store that may not answer.
// Not here: how they are printed (cli).
export { balance, isSettled } from './conservation.ts';
export type { Books } from './conservation.ts';
export { gatherProject } from './facts.ts';
export type { ProjectStatus, RouteStatus } from './facts.ts';
export { readStore } from './reading.ts';
