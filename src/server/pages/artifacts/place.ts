import { HttpError } from '../../http/errors.ts';
import type { Here } from '../../http/here.ts';
import type { NamespaceEntry, Scope } from '../../store/artifacts.ts';
import { bodyWithHash } from '../../store/bodies.ts';
import {
  type ArtifactRow,
  artifactRow,
  namespacesOfMission,
  versionRow,
} from '../../views/artifacts.ts';
import { missionRows, type ProjectRow } from '../../views/read.ts';
import type { ProjectScope } from '../../views/tables.ts';
import {
  type Crumb,
  type Look,
  missionPath,
  nameOfProject,
  projectOf,
  projectPath,
} from '../frame.ts';
import { type ArtifactName, artifactsPath } from './addresses.ts';

/** A mission whose artifacts are looked at. */
export interface MissionPlace {
  readonly scope: ProjectScope;
  readonly project: ProjectRow;
  readonly slug: string;
  readonly title: string;
  /** The steps to the mission, itself the last one. */
  readonly crumbs: readonly Crumb[];
}

/** @throws HttpError 404 for a mission that is not the team's. */
export async function missionPlace(look: Look, c: Here): Promise<MissionPlace> {
  const { scope, project } = await projectOf(look, c);
  const slug = c.req.param('mission') ?? '';
  const [mission] = slug === '' ? [] : await missionRows(look.driver, scope, slug);
  if (mission === undefined) throw nothing();
  const title = mission.title ?? slug;
  const crumbs = [
    { name: nameOfProject(project), path: projectPath(project.id) },
    { name: title, path: missionPath(project.id, slug) },
  ];
  return { scope, project, slug, title, crumbs };
}

/** An artifact that a page's address names, as it is now. */
export interface ArtifactPlace extends MissionPlace {
  readonly artifact: ArtifactRow;
  readonly name: ArtifactName;
  readonly namespace: NamespaceEntry;
  readonly key: Scope;
}

/** @throws HttpError 404 for one that no event of the team speaks of. */
export async function artifactPlace(look: Look, c: Here): Promise<ArtifactPlace> {
  const place = await missionPlace(look, c);
  const [namespaceId, path] = [c.req.query('in') ?? '', c.req.query('path') ?? ''];
  const [namespace] =
    namespaceId === ''
      ? []
      : await namespacesOfMission(look.driver, place.scope, place.slug, namespaceId);
  if (namespace === undefined) throw nothing();
  const key: Scope = [...place.scope, namespaceId];
  const artifact = await artifactRow(look.driver, key, path);
  if (artifact === null) throw nothing();
  const name = { projectId: place.project.id, slug: place.slug, namespaceId, path };
  const crumbs = [...place.crumbs, { name: 'Artifacts', path: artifactsPath(name) }];
  return { ...place, crumbs, artifact, name, namespace, key };
}

/**
 * The bytes of one text of an artifact; null as long as they have not arrived.
 * @throws HttpError 404 for a text that it never had.
 */
export async function textOf(
  { driver, team }: Look,
  { key, name: { path, projectId } }: ArtifactPlace,
  sha256: string,
): Promise<Uint8Array | null> {
  const version = await versionRow(driver, key, { path, sha256 });
  if (version === null) throw nothing();
  return version.storedAt === null ? null : bodyWithHash(driver, team, projectId, sha256);
}

/** The names of a namespace for people. */
export function nameOfNamespace({
  targetBranch,
  missionType,
  manifestVersion,
}: NamespaceEntry): string {
  if (targetBranch === '') return 'No branch named';
  return `${targetBranch} · ${missionType} · manifest ${manifestVersion}`;
}

export function nothing(): HttpError {
  return new HttpError(404, 'not_found', 'nothing is here');
}
