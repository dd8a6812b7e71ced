import path from 'node:path';
import { EXIT, UserError } from '../../base/index.ts';
import { findProject, projectRoot } from '../../home/index.ts';
import { archiveSources, assignEvents, resolveConflicts, type Keep } from '../../legacy/index.ts';
import { parseProjectId, type ProjectId } from '../../wire/index.ts';
import type { Answer } from '../answer.ts';
import { runMigration } from '../gather/migration.ts';
import { flagOption, listOption, textOption, type Context } from '../io.ts';
import { exitOf, migrationLines, migrationToJson, type Migrated } from '../render/migration.ts';

/** `spec-kitty sync migrate`: what the earlier program left in its databases comes into this home's stores. */
export async function run(context: Context): Promise<Answer> {
  const { home, options } = context;
  const named = listOption(options, 'source');
  const keep = keepOption(context);
  const assignee = await assigneeOption(context);
  const dryRun = flagOption(options, 'dryRun');
  const archives = flagOption(options, 'archiveSources');
  const eventIds = eventOptions(context, keep !== null || assignee !== null);
  if (dryRun && (keep !== null || assignee !== null || archives)) {
    throw misused('--dry-run decides, gives and renames nothing');
  }
  const first = await runMigration(context, { dryRun, named });
  const resolved = keep === null ? 0 : resolveConflicts(home, { keep, eventIds });
  const assigned = assignee === null ? 0 : assignEvents(home, { projectId: assignee, eventIds });
  const now = resolved + assigned === 0 ? first : await again(context, first, named);
  const paths = new Set(named.map((each) => realPath(context, each)));
  const archived = archives ? archiveSources(home, now.migration.sources, paths) : [];
  const migrated = { ...now, resolved, assigned, archived };
  return {
    exit: exitOf(migrated),
    json: migrationToJson(migrated),
    lines: migrationLines(migrated),
  };
}

/** What holds after decisions; what came in is still what the first look took in. */
async function again(
  context: Context,
  first: Migrated,
  named: readonly string[],
): Promise<Migrated> {
  const second = await runMigration(context, { dryRun: false, named });
  const tallies = new Map(first.migration.sources.map((each) => [each.source.path, each.tally]));
  const sources = second.migration.sources.map((each) => ({
    ...each,
    tally: tallies.get(each.source.path) ?? each.tally,
  }));
  const { remembered } = first.migration;
  return { ...second, migration: { ...second.migration, sources, remembered } };
}

function keepOption({ options }: Context): Keep | null {
  const text = textOption(options, 'resolve');
  if (text === null || text === 'keep-journal' || text === 'keep-source') return text;
  throw misused(`--resolve takes keep-journal or keep-source, not ${text}`);
}

/** A project that this home knows, or the one at hand: a slip of the pen would strand the events. */
async function assigneeOption(context: Context): Promise<ProjectId | null> {
  const text = textOption(context.options, 'assign');
  if (text === null) return null;
  const id = parseProjectId(text);
  if (id === null) throw misused(`--assign takes the UUID of a project, not ${text}`);
  const root = projectRoot(context.system);
  const here = root === null ? null : (await findProject(context.system)).id;
  if (id === here || context.home.projectIds().includes(id)) return id;
  throw new UserError('not_found', `this home knows no project ${id}`, {
    remedy: 'spec-kitty sync status',
  });
}

function eventOptions({ options }: Context, isNeeded: boolean): readonly string[] | null {
  const ids = listOption(options, 'event');
  const isAll = flagOption(options, 'all');
  if (isNeeded && isAll !== ids.length > 0) return isAll ? null : ids;
  if (!isNeeded && !isAll && ids.length === 0) return null;
  throw misused('--resolve and --assign go with --event or with --all');
}

function realPath({ system }: Context, named: string): string {
  const file = path.resolve(system.cwd, named);
  return system.files.stat(file) === null ? file : system.files.realpath(file);
}

function misused(message: string): UserError {
  return new UserError('usage', message, {
    remedy: 'spec-kitty sync migrate --help',
    exitCode: EXIT.refused,
  });
}
