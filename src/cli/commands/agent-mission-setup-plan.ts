import path from 'node:path';
import { EXIT } from '../../base/index.ts';
import { setUpPlan, type PlanOutcome } from '../../missions/index.ts';
import type { Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { requireMission, requireRoot } from '../planning/choosing.ts';
import { diagnosticsToJson, prepareMission, tellDiagnostics } from '../planning/preparing.ts';
import {
  demandsHosted,
  projectHere,
  refusePlanning,
  refuseUnauthenticated,
} from '../planning/refusing.ts';

const COMMAND = 'agent mission setup-plan';

/** `spec-kitty agent mission setup-plan`: a mission gets its plan, and what it says by now is recorded. */
export async function run(context: Context): Promise<Answer> {
  const unauthenticated = await refuseUnauthenticated(context);
  if (unauthenticated !== null) return unauthenticated;
  const root = requireRoot(context);
  if (demandsHosted(context)) {
    const project = await projectHere(context);
    const refused = await refusePlanning(context, project, { command: COMMAND, requireAuth: true });
    if (refused !== null) return refused;
  }
  const mission = requireMission(context, root, COMMAND);
  const { files, clock } = context.system;
  const day = new Date(clock.now()).toISOString().slice(0, 'YYYY-MM-DD'.length);
  const plan = setUpPlan(files, { root, mission: mission.directory }, day);
  const diagnostics = await prepareMission(context, mission, []);
  tellDiagnostics(context, diagnostics);
  const planFile = path.join(mission.directory, 'plan.md');
  return {
    exit: plan.isBlocked ? EXIT.failed : EXIT.fine,
    json: {
      result: plan.isBlocked ? 'blocked' : 'success',
      phase_complete: !plan.isBlocked && plan.isSubstantive,
      mission_slug: mission.slug,
      plan_file: planFile,
      mission_dir: mission.directory,
      // The name under which prompts of agents read it.
      ['feature_dir']: mission.directory,
      spec_file: path.join(mission.directory, 'spec.md'),
      plan_substantive: !plan.isBlocked && plan.isSubstantive,
      ...(plan.isBlocked ? { blocked_reason: plan.reason } : {}),
      ...diagnosticsToJson(diagnostics),
    },
    lines: [sayPlan(plan, planFile)],
  };
}

function sayPlan(plan: PlanOutcome, file: string): string {
  if (plan.isBlocked) return `Blocked: ${plan.reason}`;
  if (plan.isNew) return `✓ Plan written from the template: ${file}`;
  return plan.isSubstantive ? `✓ Plan: ${file}` : `✓ Plan, still to be filled in: ${file}`;
}
