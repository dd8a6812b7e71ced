import { fine, type Answer } from '../answer.ts';
import { textOption, type Context } from '../io.ts';
import { isoOf, withStore } from './receiver-store.ts';

/** `spec-kitty receiver project list`: what a team has, and who sent it first. */
export async function run(context: Context): Promise<Answer> {
  const { listProjects } = await import('../../server/index.ts');
  const team = textOption(context.options, 'team');
  const found = await withStore(context, (store) => listProjects(store, team));
  const projects = found.map((project) => ({
    id: project.id,
    claimed_by: project.claimedBy,
    claimed_at: isoOf(project.claimedAt),
  }));
  const lines = projects.map(
    (each) => `${each.id}  claimed ${each.claimed_at} by ${each.claimed_by}`,
  );
  return fine({ projects }, lines.length === 0 ? ['Nothing here.'] : lines);
}
