import { EXIT, printable, UserError } from '../../base/index.ts';
import { fine, type Answer } from '../answer.ts';
import { textOption, type Context } from '../io.ts';
import { withIdentity } from './receiver-store.ts';

/** `spec-kitty receiver mapping set`: which project the snapshots of a resource belong to. */
export async function run(context: Context): Promise<Answer> {
  const { mapResource } = await import('../../server/index.ts');
  const { options, args } = context;
  const [type, id] = [textOption(options, 'resourceType'), textOption(options, 'resourceId')];
  if ((type === null) !== (id === null)) {
    throw misused('--resource-type and --resource-id go together');
  }
  const named = {
    team: textOption(options, 'team'),
    provider: requireOption(context, 'provider'),
    workspace: requireOption(context, 'workspace'),
    resource: type === null || id === null ? null : { type, id },
    project: args[0] ?? '',
  };
  const said = await withIdentity(context, (identity) => mapResource(identity, named));
  const { provider, workspace, resource, projectId } = said;
  const what = resource === null ? 'the rest of it' : `${resource.type} ${resource.id}`;
  return fine(
    {
      provider,
      workspace,
      external_resource_type: resource?.type ?? null,
      external_resource_id: resource?.id ?? null,
      project: projectId,
    },
    [`✓ ${printable(`${provider} ${workspace}, ${what}`)}  ->  ${projectId}`],
  );
}

function requireOption({ options }: Context, name: string): string {
  const text = textOption(options, name)?.trim() ?? '';
  if (text !== '') return text;
  throw misused(`--${name} is needed`);
}

function misused(message: string): UserError {
  return new UserError('usage', message, {
    remedy: 'spec-kitty receiver mapping set --help',
    exitCode: EXIT.refused,
  });
}
