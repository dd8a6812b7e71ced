import { EXIT, UserError } from '../../base/index.ts';
import {
  openTracking,
  parseDoctrineMode,
  parseProvider,
  saveCredentials,
  writeBinding,
} from '../../trackers/index.ts';
import { fine, type Answer } from '../answer.ts';
import { listOption, textOption, type Context } from '../io.ts';
import { requireRollout } from '../tracker/bound.ts';
import { parsePairs, statedCredentials } from '../tracker/credentials.ts';
import { openWorkspace } from '../workspace.ts';

/** `spec-kitty tracker bind`: says what the project is bound to, and keeps what the tracker asks for. */
export async function run(context: Context): Promise<Answer> {
  await requireRollout(context);
  const { options, home, system } = context;
  const provider = parseProvider(requireOption(context, 'provider'));
  const workspace = requireOption(context, 'workspace').trim();
  const binding = {
    provider,
    workspace,
    doctrineMode: parseDoctrineMode(textOption(options, 'doctrineMode') ?? DEFAULT_MODE),
    fieldOwners: parsePairs(listOption(options, 'fieldOwner'), '--field-owner'),
  };
  const { project, db } = await openWorkspace(context);
  const credentials = await statedCredentials(context, provider);
  if (credentials !== null) await saveCredentials(home, { provider, workspace }, credentials);
  await writeBinding(system, project, binding);
  const { resource, takenFrom } = await openTracking(home, db, project);
  const owners = Object.keys(binding.fieldOwners).length;
  return fine(
    {
      provider,
      workspace,
      doctrine_mode: binding.doctrineMode,
      field_owners: binding.fieldOwners,
      credentials_saved: credentials !== null,
      external_resource_type: resource?.type ?? null,
      external_resource_id: resource?.id ?? null,
      taken_from: takenFrom,
    },
    [
      'Tracker binding saved',
      `- provider: ${provider}`,
      `- workspace: ${workspace}`,
      `- doctrine_mode: ${binding.doctrineMode}`,
      `- field_owners: ${owners}`,
      `- credentials_saved: ${credentials === null ? 'no' : 'yes'}`,
      ...(takenFrom === null ? [] : [`- taken_from: ${takenFrom}`]),
    ],
  );
}

const DEFAULT_MODE = 'external_authoritative';

function requireOption({ options }: Context, name: string): string {
  const text = textOption(options, name);
  if (text !== null && text.trim() !== '') return text;
  throw new UserError('usage', `--${name} is needed`, {
    remedy: 'spec-kitty tracker bind --help',
    exitCode: EXIT.refused,
  });
}
