import { printable } from '../../base/index.ts';
import { fine, type Answer } from '../answer.ts';
import { textOption, type Context } from '../io.ts';
import { isoOf, withStore } from './receiver-store.ts';

interface Named {
  readonly provider: string;
  readonly workspace: string;
  readonly resource: { readonly type: string; readonly id: string } | null;
}

/** `spec-kitty receiver mapping list`: what belongs to which project, and what waits for somebody to say it. */
export async function run(context: Context): Promise<Answer> {
  const { listResources } = await import('../../server/index.ts');
  const team = textOption(context.options, 'team');
  const { mappings, unmapped } = await withStore(context, (store) => listResources(store, team));
  const json = {
    mappings: mappings.map((each) => ({
      ...named(each),
      project: each.projectId,
      set_at: isoOf(each.setAt),
    })),
    unmapped: unmapped.map((each) => ({
      ...named(each),
      snapshots: each.snapshots,
      stated_project: each.statedProject,
      last_received_at: isoOf(each.lastAt),
    })),
  };
  const lines = [
    ...mappings.map((each) => `${titleOf(each)}  ->  ${each.projectId}`),
    ...unmapped.map((each) => {
      const states = each.statedProject === null ? '' : `, sent by ${each.statedProject}`;
      return `${titleOf(each)}  belongs to no project yet: ${each.snapshots} snapshot(s)${states}`;
    }),
  ];
  return fine(json, lines.length === 0 ? ['Nothing here.'] : lines);
}

function named({ provider, workspace, resource }: Named): Readonly<Record<string, unknown>> {
  return {
    provider,
    workspace,
    external_resource_type: resource?.type ?? null,
    external_resource_id: resource?.id ?? null,
  };
}

function titleOf({ provider, workspace, resource }: Named): string {
  const what = resource === null ? '' : `  ${resource.type} ${resource.id}`;
  return printable(`${provider}  ${workspace}${what}`);
}
