import { join } from 'node:path';
import { readable, printable, UserError, type Files, type FileStat } from '../base/index.ts';
import { MAX_FILE_BYTES, MAX_MISSIONS, MAX_NAMED_MISSIONS } from './limits.ts';

/** The folder of a project that holds its missions, one directory each. */
const MISSIONS_DIRECTORY = 'kitty-specs';

/** The append-only logs of a mission, in the order in which they are read. */
const LOG_NAMES = [
  'status.events.jsonl',
  'mission-events.jsonl',
  'decisions.events.jsonl',
] as const;

const SKIP_REASONS = {
  outside: 'lies outside the project (links are not followed)',
  not_a_file: 'is not a regular file',
  not_a_directory: 'is not a directory',
  too_large: `is larger than ${MAX_FILE_BYTES} bytes`,
  unreadable: 'cannot be read',
  too_many: `is beyond the first ${MAX_MISSIONS} missions`,
} as const;

export type SkipCode = keyof typeof SKIP_REASONS;

/** Something that was found but not read. */
export interface Skipped {
  /** Below the project root, with forward slashes. */
  readonly path: string;
  readonly code: SkipCode;
  /** For people: follows the path to make a sentence. */
  readonly reason: string;
}

/** One log of one mission. */
export interface MissionFile {
  readonly mission: string;
  /** Below the project root, with forward slashes. */
  readonly path: string;
  readonly absolutePath: string;
  readonly stat: FileStat;
}

export interface Discovery {
  /** Slugs of the missions that may be read, that is the names of their directories, sorted. */
  readonly missions: readonly string[];
  readonly files: readonly MissionFile[];
  readonly skipped: readonly Skipped[];
}

/**
 * The missions below `<root>/kitty-specs` and their logs, found by stats alone. No link is followed, neither of
 * the folder nor of a mission nor of a log: what it leads to belongs to somebody else, perhaps to another project.
 * Never throws for what lies there; what cannot be looked at is reported.
 */
export function discoverMissions(files: Files, root: string): Discovery {
  const looked = look(files, root, MISSIONS_DIRECTORY, 'directory');
  if (looked === null) return { missions: [], files: [], skipped: [] };
  if ('code' in looked) return { missions: [], files: [], skipped: [looked] };
  const names = list(files, root);
  return names === null
    ? { missions: [], files: [], skipped: [skip(MISSIONS_DIRECTORY, 'unreadable')] }
    : inspect(files, root, names);
}

/**
 * The part of a discovery that belongs to the missions `slugs` name, all of it when there are none.
 * @throws UserError `mission_unknown` when a slug names nothing that was found, not even something skipped.
 */
export function chooseMissions(found: Discovery, slugs: readonly string[]): Discovery {
  if (slugs.length === 0) return found;
  const isClosed = found.skipped.some((each) => each.path === MISSIONS_DIRECTORY);
  const isChosen = (mission: string | undefined): boolean =>
    mission === undefined || slugs.includes(mission);
  const unknown = slugs.find(
    (slug) =>
      !isClosed &&
      !found.missions.includes(slug) &&
      !found.skipped.some(({ path }) => missionOf(path) === slug),
  );
  if (unknown !== undefined) throw unknownMission(unknown, found.missions);
  return {
    missions: found.missions.filter(isChosen),
    files: found.files.filter(({ mission }) => isChosen(mission)),
    skipped: found.skipped.filter(({ path }) => isChosen(missionOf(path))),
  };
}

/** One log as it is now, or why it is not read. It is opened without following a link at any step of its path. */
export function readLog(
  files: Files,
  root: string,
  file: MissionFile,
): { readonly bytes: Buffer; readonly stat: FileStat } | Skipped {
  const read = files.readInside(root, file.absolutePath, MAX_FILE_BYTES);
  if (read.ok) return read;
  return skip(file.path, read.reason === 'absent' ? 'unreadable' : read.reason);
}

/** The slug in a path below the project root; undefined for the folder of all missions. */
function missionOf(below: string): string | undefined {
  return below.split('/')[1];
}

function unknownMission(slug: string, known: readonly string[]): UserError {
  const named = printable(known.slice(0, MAX_NAMED_MISSIONS).join(', '));
  const more =
    known.length > MAX_NAMED_MISSIONS ? `, and ${known.length - MAX_NAMED_MISSIONS} more` : '';
  const have = known.length === 0 ? 'this project has none' : `this project has ${named}${more}`;
  return new UserError('mission_unknown', `no mission is called ${printable(slug)}; ${have}`, {
    remedy: 'spec-kitty sync import',
    details: { mission: slug, known: known.slice(0, MAX_NAMED_MISSIONS) },
  });
}

function skip(path: string, code: SkipCode): Skipped {
  return { path, code, reason: SKIP_REASONS[code] };
}

function inspect(files: Files, root: string, names: readonly string[]): Discovery {
  const missions: string[] = [];
  const found: MissionFile[] = [];
  const skipped: Skipped[] = [];
  // Names with a dot in front are what tools and systems keep for themselves.
  for (const mission of names.filter((name) => !name.startsWith('.'))) {
    const directory = `${MISSIONS_DIRECTORY}/${mission}`;
    const looked = look(files, root, directory, 'directory');
    if (looked === null || isPlainFile(looked)) continue;
    if ('code' in looked) skipped.push(looked);
    else if (missions.length === MAX_MISSIONS) skipped.push(skip(directory, 'too_many'));
    else {
      missions.push(mission);
      for (const name of LOG_NAMES) {
        const log = lookAtLog(files, root, mission, `${directory}/${name}`);
        if (log === null) continue;
        if ('code' in log) skipped.push(log);
        else found.push(log);
      }
    }
  }
  return { missions, files: found, skipped };
}

/** A README beside the missions is no mission and no reason for a report. */
function isPlainFile(looked: FileStat | Skipped): boolean {
  return 'code' in looked && looked.code === 'not_a_directory';
}

function lookAtLog(
  files: Files,
  root: string,
  mission: string,
  log: string,
): MissionFile | Skipped | null {
  const looked = look(files, root, log, 'file');
  if (looked === null || 'code' in looked) return looked;
  return { mission, path: log, absolutePath: join(root, log), stat: looked };
}

/** What stands at a path below the root: its stat when it is of the wanted kind, otherwise why not; null if absent. */
function look(
  files: Files,
  root: string,
  below: string,
  wanted: 'file' | 'directory',
): FileStat | Skipped | null {
  const stat = readable(() => files.lstat(join(root, below)));
  if (stat === 'unreadable') return skip(below, 'unreadable');
  if (stat === null || stat.kind === wanted) return stat;
  if (stat.kind === 'symlink') return skip(below, 'outside');
  return skip(below, wanted === 'file' ? 'not_a_file' : 'not_a_directory');
}

function list(files: Files, root: string): readonly string[] | null {
  const names = readable(() => files.list(join(root, MISSIONS_DIRECTORY)));
  return names === 'unreadable' ? null : names;
}
