import { pythonStrip, type Files } from '../base/index.ts';
import { asObject, asText, member, parseJson } from '../wire/index.ts';
import { manifestOf, NO_MANIFEST_VERSION } from './dossier/manifests.ts';
import { MAX_META_BYTES } from './limits.ts';
import { namespaceOf, type NamespaceRef } from './namespace.ts';

const DEFAULT_TYPE = 'software-dev';

/**
 * The namespace of a mission by its `meta.json`; what that leaves out has its default. Null for a file that is there
 * and cannot be understood: a guess could put artifacts into another namespace than the one they were in before.
 * @param at `directory` is the mission's, below the project's `root`; `branch` is the default target branch.
 */
export function readNamespace(
  files: Files,
  at: { readonly root: string; readonly directory: string },
  mission: { readonly projectUuid: string; readonly slug: string; readonly branch: string },
): NamespaceRef | null {
  const read = files.readInside(at.root, `${at.directory}/meta.json`, MAX_META_BYTES);
  if (!read.ok && read.reason !== 'absent') return null;
  const parsed = read.ok ? parseJson(read.bytes) : null;
  const meta = parsed?.ok === true ? asObject(parsed.value) : null;
  if (read.ok && meta === null) return null;
  const text = (key: string): string | null => {
    const value = meta === null ? null : asText(member(meta, key));
    return value === null || pythonStrip(value) === '' ? null : value;
  };
  const missionType = text('mission_type') ?? text('mission') ?? DEFAULT_TYPE;
  return namespaceOf(mission.projectUuid, {
    missionSlug: mission.slug,
    targetBranch: text('target_branch') ?? mission.branch,
    missionType,
    manifestVersion: manifestOf(missionType)?.version ?? NO_MANIFEST_VERSION,
  });
}
