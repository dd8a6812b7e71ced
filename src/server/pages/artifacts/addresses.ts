import { missionPath } from '../frame.ts';

/** One artifact, as the addresses of its pages name it. */
export interface ArtifactName {
  readonly projectId: string;
  readonly slug: string;
  readonly namespaceId: string;
  readonly path: string;
}

/** The artifacts of a mission; those of one namespace behind a path where it is named. */
export function artifactsPath(
  { projectId, slug }: Pick<ArtifactName, 'projectId' | 'slug'>,
  part: { readonly namespaceId: string; readonly after: string } | null = null,
): string {
  const rest = part === null ? '' : `?${query({ in: part.namespaceId, after: part.after })}`;
  return `${missionPath(projectId, slug)}/artifacts${rest}`;
}

/** A page of an artifact. A path stands in the query, where proxies leave its slashes alone. */
function pageOf(
  name: ArtifactName,
  page: 'view' | 'raw' | 'diff',
  more: Readonly<Record<string, string>>,
): string {
  const { namespaceId, path } = name;
  return `${artifactsPath(name)}/${page}?${query({ in: namespaceId, path, ...more })}`;
}

/** The present text of an artifact; with a hash, for ever the text with that hash. */
export function artifactPath(name: ArtifactName, version: string | null = null): string {
  return pageOf(name, 'view', version === null ? {} : { version });
}

export function sourcePath(name: ArtifactName, version: string): string {
  return pageOf(name, 'view', { version, as: 'source' });
}

export function rawPath(name: ArtifactName, version: string): string {
  return pageOf(name, 'raw', { version });
}

/** What changed from one text to another one. */
export function diffPath(
  name: ArtifactName,
  versions: { readonly from: string; readonly to: string },
): string {
  return pageOf(name, 'diff', versions);
}

/** Where the form that chooses two texts goes; it says the rest itself. */
export function diffFormPath(name: ArtifactName): string {
  return `${artifactsPath(name)}/diff`;
}

function query(members: Readonly<Record<string, string>>): string {
  return new URLSearchParams(members).toString();
}
