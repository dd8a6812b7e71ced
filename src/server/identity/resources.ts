import { EXIT, printable, UserError } from '../../base/index.ts';
import { type ExternalResource, parseProjectId } from '../../wire/index.ts';
import {
  type ResourceMapping,
  resourceMappings,
  setResourceMapping,
  type UnmappedResource,
} from '../store/snapshots.ts';
import type { Store } from '../store/store.ts';
import { note, teamForOperator } from './administration.ts';
import type { Identity } from './identity.ts';

/** What belongs to which project in a team, and what came in and belongs to none yet. */
export async function listResources(
  store: Store,
  team: string | null,
): Promise<{
  readonly mappings: readonly ResourceMapping[];
  readonly unmapped: readonly UnmappedResource[];
}> {
  const scope = await teamForOperator(store, team);
  return resourceMappings(store.driver.of(scope), scope);
}

/**
 * Says which project the snapshots of a resource belong to; without a resource, those of the rest of the workspace.
 * What has arrived already belongs there from now on.
 * @throws UserError `usage` for a project that is no UUID, `not_found` for a team.
 */
export async function mapResource(
  identity: Identity,
  mapping: {
    readonly team: string | null;
    readonly provider: string;
    readonly workspace: string;
    readonly resource: ExternalResource | null;
    readonly project: string;
  },
): Promise<ResourceMapping> {
  const { store, clock } = identity;
  const { provider, workspace, resource } = mapping;
  const team = await teamForOperator(store, mapping.team);
  const projectId = parseProjectId(mapping.project);
  if (projectId === null) {
    throw new UserError('usage', `not a project UUID: ${printable(mapping.project, 100)}`, {
      remedy: 'spec-kitty receiver mapping set --help',
      exitCode: EXIT.refused,
    });
  }
  const said = { provider, workspace, resource, projectId, setAt: clock.now() };
  const what = [provider, workspace, resource?.type, resource?.id].filter(Boolean).join(' ');
  await setResourceMapping(store.driver.of(team), team, said);
  await note(identity, store.driver, ['resource.mapped', what, team]);
  return said;
}
