import { EXIT, UserError } from '../base/index.ts';
import { PATHS } from '../wire/index.ts';
import type { Rule } from './rule.ts';
import { ANSWER_RULES } from './rules/answers.ts';
import { BODY_RULES } from './rules/bodies.ts';
import { CALLER_RULES } from './rules/callers.ts';
import { DAMAGE_RULES } from './rules/damage.ts';
import { HEALTH_RULES } from './rules/health.ts';
import { LIMIT_RULES } from './rules/limits.ts';
import { READING_RULES } from './rules/reading.ts';
import { REQUEST_RULES, THROTTLE_RULES } from './rules/requests.ts';
import { SNAPSHOT_RULES } from './rules/snapshots.ts';
import { notOffered, skipped, type Verdict } from './verdict.ts';
import { beginVisit, type Visit, type VisitOptions } from './visit.ts';

export interface GradeOptions extends VisitOptions {
  /** Whether the receiver is said to refuse what the catalogue does not know. */
  readonly isStrict: boolean;
}

/** One rule and what it came to. */
export interface Graded {
  readonly id: string;
  readonly says: string;
  readonly source: string;
  readonly verdict: Verdict;
}

export interface Report {
  readonly instanceId: string | null;
  /** The run's own project; everything that was sent follows from it. */
  readonly project: string;
  readonly rules: readonly Graded[];
  /** What the receiver keeps of the run, as it said. */
  readonly left: { readonly events: number; readonly bodies: number; readonly snapshots: number };
}

/** In the order in which they are asked: what others need comes first, what looks back comes last. */
const RULES: readonly Rule[] = [
  ...HEALTH_RULES,
  ...REQUEST_RULES,
  ...ANSWER_RULES,
  ...DAMAGE_RULES,
  ...LIMIT_RULES,
  ...CALLER_RULES,
  ...BODY_RULES,
  ...SNAPSHOT_RULES,
  ...READING_RULES,
  ...THROTTLE_RULES,
];

/**
 * Grades a receiver against the wire contract, over the public wire alone. Some sixty events of the project named in
 * `options` stay with the receiver, and a few bodies and snapshots where it takes them.
 * @throws UserError `receiver_unreachable` (exit code 5) where nothing answers at all.
 */
export async function gradeReceiver(options: GradeOptions): Promise<Report> {
  const visit = beginVisit(options);
  await requireAnswer(visit, options.base);
  const verdicts = await askRules(visit, options);
  return {
    instanceId: visit.health?.serverInstanceId ?? null,
    project: visit.project,
    rules: RULES.map(({ id, says, source }) => ({
      id,
      says,
      source,
      verdict: verdicts.get(id) ?? skipped('not asked'),
    })),
    left: { events: visit.stored.size, bodies: visit.bodies, snapshots: visit.snapshots },
  };
}

async function requireAnswer(visit: Visit, base: string): Promise<void> {
  const seen = await visit.ask({ path: PATHS.health });
  if (seen.status !== 0) return;
  throw new UserError('receiver_unreachable', `${base} cannot be graded: ${seen.said}`, {
    remedy: null,
    exitCode: EXIT.unconfigured,
  });
}

async function askRules(
  visit: Visit,
  options: GradeOptions,
): Promise<ReadonlyMap<string, Verdict>> {
  const verdicts = new Map<string, Verdict>();
  let end: string | null = null;
  for (const rule of RULES) {
    const known = end === null ? verdictBefore(rule, { visit, options, verdicts }) : skipped(end);
    const verdict = known ?? (await rule.probe(visit));
    if (options.signal.aborted) end = 'the run was stopped';
    // What a stop cut off says nothing of the receiver.
    verdicts.set(rule.id, known === null && end !== null ? skipped(end) : verdict);
    if (known === null && verdict.kind === 'fail' && (await isGone(visit))) {
      end ??= 'the receiver answers no more';
    }
  }
  return verdicts;
}

async function isGone(visit: Visit): Promise<boolean> {
  return (await visit.ask({ path: PATHS.health })).status === 0;
}

interface SoFar {
  readonly visit: Visit;
  readonly options: GradeOptions;
  readonly verdicts: ReadonlyMap<string, Verdict>;
}

/** What is known of a rule without asking; null where it must be asked. */
function verdictBefore(rule: Rule, { visit, options, verdicts }: SoFar): Verdict | null {
  if (rule.strict === true && !options.isStrict) return skipped('holds with --strict');
  if (rule.strict === false && options.isStrict) return skipped('holds without --strict');
  for (const id of rule.needs ?? []) {
    const verdict = verdicts.get(id);
    if (verdict?.kind === 'not_offered') return verdict;
    if (verdict?.kind === 'skipped') return verdict;
    if (verdict?.kind !== 'pass') return skipped(`${id} is not kept`);
  }
  return rule.asks === undefined ? null : lackOf(rule.asks, visit);
}

function lackOf(what: NonNullable<Rule['asks']>, { health, token }: Visit): Verdict | null {
  if (what === 'token') return token === null ? skipped('no token was given (--token-env)') : null;
  if (what === 'limits') {
    const { maxEventsPerBatch, maxDecompressedBytesPerBatch } = health?.limits ?? {};
    const isSaid = maxEventsPerBatch !== undefined && maxDecompressedBytesPerBatch !== undefined;
    return isSaid ? null : notOffered('health names no limits');
  }
  return health?.capabilities[what] === true ? null : notOffered(`health does not name ${what}`);
}
