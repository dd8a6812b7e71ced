// Conformance: whether any receiver keeps the wire contract, rule by rule, asked over the public wire alone.
// Here: the rules with their probes, and the visit that asks them. Not here: how it is told (cli).
export { gradeReceiver } from './grade.ts';
export type { Graded, Report } from './grade.ts';
