import { EXIT, UserError } from '../../base/index.ts';
import { findDestination } from '../../delivery/index.ts';
import {
  currentSyncTarget,
  findProject,
  MODE_AXES,
  sessionFor,
  whyLoggedOut,
} from '../../home/index.ts';
import type { Project, ResolvedSyncTarget } from '../../home/index.ts';
import type { Answer } from '../answer.ts';
import { refuseAtBoundary } from '../boundary/refusing.ts';
import type { Context } from '../io.ts';

const ROLLOUT = 'SPEC_KITTY_ENABLE_SAAS_SYNC';

/** Whether planning has to be sure of the hosted side: the literal `1` and nothing else (cli contract 14). */
export function demandsHosted({ system }: Context): boolean {
  return system.env[ROLLOUT] === '1';
}

/** The refusal of a plan that would wait here for a login, wherever it is asked for; null when somebody is logged in. */
export async function refuseUnauthenticated(context: Context): Promise<Answer | null> {
  if (!demandsHosted(context) || (await isAnybodyLoggedIn(context))) return null;
  const error = 'SaaS sync cannot be guaranteed: no authenticated session/credentials found.';
  const remediation = `Run \`spec-kitty auth login\` or unset ${ROLLOUT} before running setup-plan.`;
  return {
    exit: EXIT.refused,
    json: { error_code: 'SAAS_SYNC_UNAUTHENTICATED', error, remediation: [remediation] },
    lines: [`Error: ${error}`, `  ${remediation}`],
  };
}

/**
 * What the boundary says of a command that plans. Without a project, or in a mode that sends nothing, nothing can
 * disagree about sending, and planning goes on (a person who works alone is never refused).
 */
export async function refusePlanning(
  context: Context,
  project: Project | null,
  question: { readonly command: string; readonly requireAuth: boolean },
): Promise<Answer | null> {
  if (project === null) return null;
  const { home } = context;
  const { mode } = await findDestination(home, home.store(project.id), {
    processWideOverride: true,
  });
  if (mode !== null && MODE_AXES[mode].delivery === 'none') return null;
  return refuseAtBoundary(context, { ...question, projectId: project.id });
}

async function isAnybodyLoggedIn(context: Context): Promise<boolean> {
  const { home } = context;
  const { clock } = context.system;
  const options = { processWideOverride: true };
  const isIn = ({ resolvedServerUrl: server }: ResolvedSyncTarget): boolean =>
    server !== null && whyLoggedOut(sessionFor(home, server), clock.now()) === null;
  if (isIn(await currentSyncTarget(home, options))) return true;
  const project = await projectHere(context);
  if (project === null) return false;
  return isIn((await findDestination(home, home.store(project.id), options)).authority);
}

/** The project of this directory; null where there is none, or it does not say which it is. */
export async function projectHere({ system }: Context): Promise<Project | null> {
  try {
    return await findProject(system);
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}
