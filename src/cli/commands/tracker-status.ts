import {
  countKept,
  findBinding,
  readBinding,
  readCheckpoint,
  readCredentials,
  resolveResourceRouting,
} from '../../trackers/index.ts';
import { fine, type Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { requireRollout } from '../tracker/bound.ts';
import { openWorkspace } from '../workspace.ts';

const UNBOUND = {
  configured: false,
  provider: null,
  workspace: null,
  db_path: null,
  issue_count: 0,
  mapping_count: 0,
};

/** `spec-kitty tracker status`: what the project is bound to, and what of it is here. Changes nothing. */
export async function run(context: Context): Promise<Answer> {
  await requireRollout(context);
  const { project, db } = await openWorkspace(context);
  const binding = await readBinding(context.system, project);
  if (binding === null) return fine(UNBOUND, ['Tracker is not configured']);
  const credentials = (await readCredentials(context.home, binding)) ?? {};
  const resource = resolveResourceRouting(binding.provider, credentials);
  const bindingId = findBinding(db, binding);
  const { issues, mappings } =
    bindingId === null ? { issues: 0, mappings: 0 } : countKept(db, bindingId);
  const { updatedSince, cursor } =
    bindingId === null ? { updatedSince: null, cursor: null } : readCheckpoint(db, bindingId);
  const isPresent = Object.keys(credentials).length > 0;
  return fine(
    {
      configured: true,
      provider: binding.provider,
      workspace: binding.workspace,
      doctrine_mode: binding.doctrineMode,
      field_owners: binding.fieldOwners,
      db_path: db.path,
      issue_count: issues,
      mapping_count: mappings,
      credentials_present: isPresent,
      external_resource_type: resource?.type ?? null,
      external_resource_id: resource?.id ?? null,
      updated_since: updatedSince,
      pull_unfinished: cursor !== null,
    },
    [
      'Tracker status',
      `- provider: ${binding.provider}`,
      `- workspace: ${binding.workspace}`,
      `- doctrine_mode: ${binding.doctrineMode}`,
      `- field_owners: ${Object.keys(binding.fieldOwners).length}`,
      `- resource: ${resource === null ? 'none' : `${resource.type} ${resource.id}`}`,
      `- issues: ${issues}`,
      `- mappings: ${mappings}`,
      `- credentials_present: ${isPresent ? 'yes' : 'no'}`,
    ],
  );
}
