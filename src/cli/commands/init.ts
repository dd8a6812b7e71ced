import { initProject, rememberProject } from '../../home/index.ts';
import { fine, type Answer } from '../answer.ts';
import type { Context } from '../io.ts';

/** `spec-kitty init`: a repository gets the identity under which its facts are recorded. */
export async function run({ system, home }: Context): Promise<Answer> {
  const { project, file, created } = await initProject(system);
  home.store(project.id);
  rememberProject(home, project);
  const isNew = created.length > 0;
  return fine({ project_uuid: project.id, slug: project.slug, root: project.root, file, created }, [
    isNew ? `Project ${project.slug ?? project.id}` : `Nothing to do: the project has its identity`,
    `  UUID  ${project.id}`,
    `  File  ${file}`,
    ...(isNew ? ['  Commit this file to git: every clone must carry the same identity.'] : []),
    'Facts are recorded locally; nothing is sent before you name a receiver.',
  ]);
}
