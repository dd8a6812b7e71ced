import { EXIT, printable, type ExitCode, type UserError } from '../../base/index.ts';
import type { Answer } from '../answer.ts';
import type { Proof } from '../proof/delivery.ts';

/** What a first delivery needs, in the order in which it is seen to. */
export const STEPS = [
  'identity',
  'target',
  'consent',
  'login',
  'delivery',
  'verification',
] as const;
export type StepName = (typeof STEPS)[number];

/** One step that was taken: `ok` was in order before. */
export interface Step {
  readonly step: StepName;
  readonly state: 'ok' | 'done';
  readonly detail: string;
  /** What else a person should know of it. */
  readonly notes: readonly string[];
}

/** Where the walk ended, and the one command to go on with. */
export interface Stuck {
  readonly step: StepName;
  readonly code: string;
  readonly detail: string;
  readonly next: string | null;
  readonly exit: ExitCode;
}

/** A walk that came to its end, or to one step that it could not take. */
export interface Walk {
  readonly steps: readonly Step[];
  readonly stuck: Stuck | null;
  readonly receiver: Readonly<Record<string, unknown>> | null;
  /** The report of `sync now`; null when it was not reached. */
  readonly report: Answer['json'] | null;
  readonly proof: Proof | null;
  /** What a delivery said that did not come to its end. */
  readonly said: readonly string[];
}

/** A step that somebody has to take first, as an error says it. */
export function stuckAt(step: StepName, { code, message, remedy, exitCode }: UserError): Stuck {
  return { step, code, detail: message, next: remedy, exit: exitCode };
}

/** The walk in words and for machines. */
export function tellWalk(walk: Walk): Answer {
  const { steps, stuck, proof, said } = walk;
  const exit = stuck?.exit ?? EXIT.fine;
  return {
    exit,
    json: {
      steps: steps.map(({ step, state, detail }) => ({ step, state, detail })),
      stuck_at: stuck?.step ?? null,
      code: stuck?.code ?? null,
      detail: stuck?.detail ?? null,
      next_step: stuck?.next ?? null,
      receiver: walk.receiver,
      delivery: walk.report,
      verification: proof === null ? null : proofToJson(proof),
      verified: stuck === null && proof?.isHeld === true,
      exit_code: exit,
    },
    lines: [
      ...steps.flatMap(stepLines),
      ...said.map((line) => `  ${line}`),
      ...(stuck === null ? [] : stuckLines(stuck)),
    ],
  };
}

const WIDTH = 14;
const MAX_DETAIL = 1_000;

function stepLines({ step, detail, notes }: Step): readonly string[] {
  const line = `✓ ${step.padEnd(WIDTH)}${printable(detail, MAX_DETAIL)}`;
  return [line, ...notes.map((note) => `  ${' '.repeat(WIDTH)}${printable(note, MAX_DETAIL)}`)];
}

function stuckLines({ step, detail, next }: Stuck): readonly string[] {
  const line = `✗ ${step.padEnd(WIDTH)}${printable(detail, MAX_DETAIL)}`;
  return next === null ? [line] : [line, `Next: \`${printable(next, MAX_DETAIL)}\``];
}

function proofToJson({ isBalanced, delivered, held, isHeld }: Proof): Answer['json'] {
  return { balanced: isBalanced, delivered, held, all_held: isHeld };
}
