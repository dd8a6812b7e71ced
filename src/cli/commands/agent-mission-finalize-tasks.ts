import path from 'node:path';
import { EXIT, printable } from '../../base/index.ts';
import { readWorkPackages } from '../../missions/index.ts';
import type { Answer } from '../answer.ts';
import { flagOption, type Context } from '../io.ts';
import { requireMission, requireRoot } from '../planning/choosing.ts';
import { diagnosticsToJson, prepareMission, tellDiagnostics } from '../planning/preparing.ts';
import { projectHere, refusePlanning } from '../planning/refusing.ts';

const COMMAND = 'agent mission finalize-tasks';

/**
 * `spec-kitty agent mission finalize-tasks`: the work packages of a mission become facts, with whatever else it has to
 * say by now. `--validate-only` judges its files and records nothing.
 */
export async function run(context: Context): Promise<Answer> {
  const root = requireRoot(context);
  const validatesOnly = flagOption(context.options, 'validateOnly');
  if (!validatesOnly) {
    const project = await projectHere(context);
    const question = { command: COMMAND, requireAuth: false };
    const refused = await refusePlanning(context, project, question);
    if (refused !== null) return inContract(refused);
  }
  const mission = requireMission(context, root, COMMAND);
  const { packages, bad } = await readWorkPackages(context.system.files, mission);
  const diagnostics = validatesOnly ? [] : await prepareMission(context, mission, packages);
  tellDiagnostics(context, diagnostics);
  const isEmpty = packages.length + bad.length === 0;
  const isBlocked = isEmpty || bad.length > 0;
  return {
    exit: isBlocked ? EXIT.failed : EXIT.fine,
    json: {
      result: isBlocked ? 'blocked' : 'success',
      mission_slug: mission.slug,
      mission_dir: mission.directory,
      tasks_dir: path.join(mission.directory, 'tasks'),
      validate_only: validatesOnly,
      work_packages: packages.map(({ id, title, dependsOn, path: file }) => ({
        wp_id: id,
        title,
        dependencies: dependsOn,
        file,
      })),
      errors: bad.map(({ path: file, reason }) => ({ file, reason })),
      ...(isEmpty ? { blocked_reason: 'there are no work packages in tasks' } : {}),
      ...diagnosticsToJson(diagnostics),
    },
    lines: [
      ...bad.map((each) => `  ${printable(each.path)}: ${each.reason}`),
      isEmpty
        ? 'Blocked: there are no work packages in tasks'
        : `${isBlocked ? '✗' : '✓'} ${packages.length} work package(s) of ${printable(mission.slug)}${validatesOnly ? ' are sound' : ' recorded'}${bad.length === 0 ? '' : `, ${bad.length} file(s) are not sound`}`,
    ],
  };
}

/** The refusal in the shape that callers of this command know (cli contract 14). */
function inContract({ exit, json, lines }: Answer): Answer {
  const error = 'Boundary preflight refused finalize-tasks.';
  return { exit, json: { ...json, error }, lines };
}
