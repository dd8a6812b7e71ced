import { EXIT } from '../../base/index.ts';
import type { Answer } from '../answer.ts';
import { listOption, type Context } from '../io.ts';
import type { Fault } from './fault.ts';
import { FAULTS } from './faults.ts';
import { createSite, type Site } from './site.ts';

/** How one fault fared. */
interface Trial {
  readonly name: string;
  readonly code: string;
  /** `sync status --check` named it. */
  readonly isDetected: boolean;
  /** The command that was printed made it go away. */
  readonly isRemedied: boolean;
  /** Something said that all is well while it was there. */
  readonly isFalseGreen: boolean;
  readonly remedy: string | null;
}

interface Finding {
  readonly code: string;
  readonly remedy: string | null;
}

const CHECK = 'spec-kitty sync status --check --json';
/** A remedy may bring up what another one mends, as new lines are first read and then sent. */
const MOST_STEPS = 4;

/**
 * Brings homes of its own into every fault that a check exists for, types what is printed and looks again. A doctor who
 * has not seen an illness cannot be trusted to have ruled it out.
 */
export function runSelfTest({ system, io, options }: Context): Promise<Answer> {
  const wanted = listOption(options, 'fault');
  const faults = FAULTS.filter(({ code }) => wanted.length === 0 || wanted.includes(code));
  const trials: Trial[] = [];
  for (const fault of faults) {
    if (io.signal.aborted) break;
    trials.push(tryFault(fault, createSite(system)));
  }
  const count = (is: (trial: Trial) => boolean): number => trials.filter(is).length;
  const sums = {
    faults: faults.length,
    detected: count(({ isDetected }) => isDetected),
    remedied: count(({ isRemedied }) => isRemedied),
    false_green: count(({ isFalseGreen }) => isFalseGreen),
  };
  const isFine = sums.detected === sums.faults && sums.remedied === sums.faults;
  const ok = isFine && sums.false_green === 0;
  const failed = trials.filter(({ isDetected, isRemedied }) => !isDetected || !isRemedied);
  const summary = Object.entries(sums)
    .map(([name, n]) => `${name}=${n}`)
    .join(' ');
  return Promise.resolve({
    exit: ok ? EXIT.fine : EXIT.failed,
    json: { ...sums, ok, trials },
    lines: [...failed.map(({ code, name }) => `  ! ${code}: ${name}`), summary],
  });
}

function tryFault(fault: Fault, site: Site): Trial {
  try {
    const isCleanBefore = look(site).exit === EXIT.fine;
    fault.inflict(site);
    const { exit, findings } = look(site);
    const finding = findings.find(({ code }) => code === fault.code);
    const { name, code } = fault;
    return {
      name,
      code,
      isDetected: isCleanBefore && finding !== undefined,
      isFalseGreen: exit === EXIT.fine || site.type('spec-kitty sync doctor').exit === EXIT.fine,
      remedy: finding?.remedy ?? null,
      isRemedied: follow(fault, site) && finding?.remedy != null,
    };
  } finally {
    site.remove();
  }
}

/** Types the first command that is printed and was not typed yet, until nothing is found; true when that comes to an end. */
function follow(fault: Fault, site: Site): boolean {
  const { standIn } = fault;
  const typed = new Set<string>();
  for (let step = 0; step < MOST_STEPS; step += 1) {
    const { exit, findings } = look(site);
    if (exit === EXIT.fine) return true;
    const remedies = findings.flatMap(({ remedy }) => remedy ?? []);
    const remedy = remedies.find((each) => !typed.has(each)) ?? remedies[0];
    if (remedy === undefined) return false;
    typed.add(remedy);
    if (standIn !== undefined && remedy.startsWith(standIn.insteadOf)) standIn.act(site, remedy);
    else site.type(remedy);
  }
  return look(site).exit === EXIT.fine;
}

function look(site: Site): { readonly exit: number; readonly findings: readonly Finding[] } {
  const { exit, stdout } = site.type(CHECK);
  const said = readJson(stdout);
  const findings = (said['findings'] ?? []) as readonly Finding[];
  // A command that could not even look says why in the same form.
  const error = said['error'] as Finding | undefined;
  return { exit, findings: error === undefined ? findings : [...findings, error] };
}

function readJson(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}
