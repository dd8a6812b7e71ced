import { countWithoutProject, listConflicts, migrateSources } from '../../legacy/index.ts';
import type { Context } from '../io.ts';
import type { Migrated } from '../render/migration.ts';
import { createProgress } from '../render/progress.ts';

/** Takes in what the earlier program left, with a progress bar. */
export async function runMigration(
  context: Context,
  options: { readonly dryRun: boolean; readonly named: readonly string[] },
): Promise<Migrated> {
  const { home, io, system } = context;
  const progress = createProgress(io, system.clock, 'rows of old databases');
  const migration = await migrateSources(home, {
    ...options,
    onProgress: (rows) => {
      progress.show(rows, rows);
    },
  });
  progress.end();
  const conflicts = options.dryRun || migration.conflicts === 0 ? [] : listConflicts(home);
  const unassigned = options.dryRun ? 0 : countWithoutProject(home);
  return { migration, conflicts, unassigned, resolved: 0, assigned: 0, archived: [] };
}
