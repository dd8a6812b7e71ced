import path from 'node:path';
import { withoutTrailingSlashes, type System } from '../../base/index.ts';
import { findGit, originUrl } from './git.ts';
import { NO_IDENTITY, type Identity } from './identity.ts';
import { addToIdentity } from './identity-yaml.ts';
import {
  identityFile,
  loadProject,
  machineNodeId,
  readIdentity,
  readIdentityText,
  rootForInit,
  type Project,
} from './project.ts';

export interface InitReport {
  readonly project: Project;
  /** The file that holds the identity and belongs in git. */
  readonly file: string;
  /** The parts written now, in order; empty when the project had them all. */
  readonly created: readonly string[];
}

/**
 * Gives the repository around the working directory an identity, or completes the one it has: a random UUID, a
 * slug from `origin` or the directory, and this machine's node id. What stands in the file is never changed.
 * @throws UserError `identity_corrupt`; the file is then left as it is.
 */
export async function initProject(system: System): Promise<InitReport> {
  const root = rootForInit(system);
  const file = identityFile(root);
  const text = readIdentityText(system.files, root) ?? '';
  const known = text === '' ? NO_IDENTITY : await readIdentity(text, file);
  const missing = missingParts(system, root, known);
  if (Object.keys(missing).length > 0) {
    const added = await addToIdentity(text === '' ? HEADER : text, file, missing);
    system.files.makeDir(path.dirname(file), SHARED_DIRECTORY);
    system.files.write(file, added, SHARED_FILE);
  }
  const project = await loadProject(system, root);
  return { project, file, created: Object.keys(missing) };
}

/** A project's name from its remote URL: last segment, lower case, `_` and blanks as hyphens; null without. */
export function slugFromRemote(url: string): string | null {
  const plain = withoutTrailingSlashes(url.trim()).replace(/\.git$/, '');
  const location = plain.includes(':') && plain.includes('@') ? afterLast(plain, ':') : plain;
  const slug = slugify(afterLast(location, '/'));
  return slug === '' ? null : slug;
}

const HEADER =
  '# Who this project is. Keep this file in git, so that every checkout is the same project.\n';
const SHARED_DIRECTORY = 0o755;
const SHARED_FILE = 0o644;

function missingParts(system: System, root: string, known: Identity): Record<string, string> {
  const missing: Record<string, string> = {};
  if (known.uuid === null) missing['uuid'] = system.ids.uuid();
  if (known.slug === null) missing['slug'] = deriveSlug(system, root);
  if (known.nodeId === null) missing['node_id'] = machineNodeId(system.host);
  return missing;
}

function deriveSlug(system: System, root: string): string {
  const git = findGit(system.files, root);
  const remote = git === null ? null : originUrl(system.files, git);
  const slug = slugFromRemote(remote ?? '') ?? slugify(path.basename(root));
  return slug === '' ? 'project' : slug;
}

function slugify(text: string): string {
  return text.toLowerCase().replaceAll(/[_ ]/g, '-');
}

function afterLast(text: string, mark: string): string {
  return text.slice(text.lastIndexOf(mark) + 1);
}
