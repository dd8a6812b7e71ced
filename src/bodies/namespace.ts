import { failed, ok, pythonStrip, UserError, type Result } from '../base/index.ts';

/** Where an artifact belongs: the five fields that every upload carries. */
export interface NamespaceRef {
  readonly projectUuid: string;
  readonly missionSlug: string;
  readonly targetBranch: string;
  readonly missionType: string;
  readonly manifestVersion: string;
}

/** The fields in the order in which they are judged, with their names on the wire. */
export const NAMESPACE_FIELDS = [
  ['projectUuid', 'project_uuid'],
  ['missionSlug', 'mission_slug'],
  ['targetBranch', 'target_branch'],
  ['missionType', 'mission_type'],
  ['manifestVersion', 'manifest_version'],
] as const satisfies readonly (readonly [keyof NamespaceRef, string])[];

/** What a namespace lacks: the first field that is no text or a blank one. */
export interface NamespaceIssue {
  readonly field: string;
  readonly message: string;
}

/**
 * A namespace of five texts that are not blank (blank as Python's `str.strip` understands it), or the first field
 * that is none. Values are kept exactly as they are.
 */
export function parseNamespace(
  fields: Readonly<Record<keyof NamespaceRef, unknown>>,
): Result<NamespaceRef, NamespaceIssue> {
  const texts: Record<string, string> = {};
  for (const [key, name] of NAMESPACE_FIELDS) {
    const value = fields[key];
    if (typeof value !== 'string' || pythonStrip(value) === '') {
      const message = `${name} must not be empty or whitespace-only`;
      return failed({ field: name, message });
    }
    texts[key] = value;
  }
  return ok(texts as unknown as NamespaceRef);
}

/**
 * The namespace of one mission of a project.
 * @throws UserError `usage` when a part is blank.
 */
export function namespaceOf(
  projectUuid: string,
  mission: Omit<NamespaceRef, 'projectUuid'>,
): NamespaceRef {
  const parsed = parseNamespace({ ...mission, projectUuid });
  if (parsed.ok) return parsed.value;
  throw new UserError('usage', parsed.error.message, { remedy: null });
}

/** The five fields under their names on the wire, as dossier events carry them. */
export function namespaceToWire(
  namespace: NamespaceRef,
): Readonly<Record<(typeof NAMESPACE_FIELDS)[number][1], string>> {
  return {
    project_uuid: namespace.projectUuid,
    mission_slug: namespace.missionSlug,
    target_branch: namespace.targetBranch,
    mission_type: namespace.missionType,
    manifest_version: namespace.manifestVersion,
  };
}
