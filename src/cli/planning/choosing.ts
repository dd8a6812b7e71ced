import path from 'node:path';
import { EXIT, printable, UserError } from '../../base/index.ts';
import { projectRoot } from '../../home/index.ts';
import { chooseMissions, discoverMissions, type MissionPlace } from '../../missions/index.ts';
import { textOption, type Context } from '../io.ts';

const MAX_NAMED = 20;

/** Real path of the project's root. @throws UserError `not_a_project`. */
export function requireRoot({ system }: Context): string {
  const root = projectRoot(system);
  if (root !== null) return root;
  throw new UserError('not_a_project', `no Spec Kitty project at or above ${system.cwd}`, {
    remedy: 'spec-kitty init',
  });
}

/**
 * The mission a command is about: the one `--mission` names, the one whose directory it is called in, or the only one.
 * @throws UserError `mission_unknown`.
 */
export function requireMission(context: Context, root: string, command: string): MissionPlace {
  const { files, cwd } = context.system;
  const found = discoverMissions(files, root);
  const named = textOption(context.options, 'mission') ?? missionAround(root, files.realpath(cwd));
  const chosen = named === null ? found : chooseMissions(found, [named]);
  const [slug, another] = chosen.missions;
  if (slug !== undefined && another === undefined) {
    return { root, directory: path.join(root, 'kitty-specs', slug), slug };
  }
  const [first] = named === null ? [] : chosen.skipped;
  if (first !== undefined) throw unknown(`${printable(first.path)} ${first.reason}`, null);
  const { missions } = chosen;
  if (missions.length === 0) throw unknown('this project has no missions', null);
  const names = printable(missions.slice(0, MAX_NAMED).join(', '));
  const more = missions.length > MAX_NAMED ? `, and ${missions.length - MAX_NAMED} more` : '';
  throw unknown(
    `there are several missions, name one with --mission: ${names}${more}`,
    `spec-kitty ${command} --help`,
  );
}

function missionAround(root: string, cwd: string): string | null {
  const [folder, slug] = path.relative(root, cwd).split(path.sep);
  return folder === 'kitty-specs' && slug !== undefined ? slug : null;
}

function unknown(message: string, remedy: string | null): UserError {
  return new UserError('mission_unknown', message, { remedy, exitCode: EXIT.failed });
}
