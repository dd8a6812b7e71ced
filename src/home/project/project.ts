import path from 'node:path';
import { sha256Hex, UserError, type Files, type Host, type System } from '../../base/index.ts';
import { parseProjectId, type ProjectId } from '../../wire/index.ts';
import { findGit, lookAt, openGit, upwards, type GitPlace } from './git.ts';
import { NO_IDENTITY, readPlainIdentity, type Identity } from './identity.ts';
import { readYamlIdentity } from './identity-yaml.ts';

/** A repository with an identity, seen from the place a command runs in. */
export interface Project {
  readonly id: ProjectId;
  readonly slug: string | null;
  /** `owner/name` as the operator wrote it; `gitFacts` fills it in from `origin` when it is null. */
  readonly repoSlug: string | null;
  /** Real path of the directory that holds `.kittify`. */
  readonly root: string;
  /** Stands for the checkout with its worktrees: the real common git directory, or the root without git. */
  readonly checkoutPath: string;
  /** The working tree of the command, which may be a linked worktree of the root's. */
  readonly git: GitPlace | null;
}

/**
 * The project around the working directory.
 * @throws UserError `not_a_project`, `identity_missing`, `identity_corrupt`.
 */
export async function findProject(system: System): Promise<Project> {
  const root = projectRoot(system);
  if (root === null) {
    throw new UserError('not_a_project', `no Spec Kitty project at or above ${system.cwd}`, {
      remedy: 'spec-kitty init',
    });
  }
  return loadProject(system, root);
}

/**
 * The project whose root is known.
 * @throws UserError `identity_missing`, `identity_corrupt`.
 */
export async function loadProject(system: System, root: string): Promise<Project> {
  const file = identityFile(root);
  const text = readIdentityText(system.files, root);
  const identity = text === null ? NO_IDENTITY : await readIdentity(text, file);
  if (identity.uuid === null) {
    throw new UserError('identity_missing', `${file} does not say which project this is`, {
      remedy: 'spec-kitty init',
    });
  }
  const id = parseProjectId(identity.uuid);
  if (id === null) throw corrupt(file, '`project.uuid` is not a UUID');
  const rootGit = findGit(system.files, root);
  return {
    id,
    slug: identity.slug,
    repoSlug: statedRepoSlug(identity),
    root,
    checkoutPath: rootGit?.checkoutPath ?? root,
    git: gitOfCommand(system, rootGit),
  };
}

/**
 * Real path of the project's root, or null outside of one. `SPECIFY_REPO_ROOT` names it; otherwise it is the
 * nearest directory upwards with `.kittify`, a linked worktree meaning its main working tree.
 * @throws UserError `not_a_project` when `SPECIFY_REPO_ROOT` names no directory.
 */
export function projectRoot(system: System): string | null {
  const { files } = system;
  const stated = statedRoot(system);
  if (stated !== null) return stated;
  for (const dir of upwards(system.cwd)) {
    const main = mainWorkTree(files, dir);
    if (main !== null && holdsKittify(files, main)) return files.realpath(main);
    if (isRoot(system, dir)) return files.realpath(dir);
  }
  return null;
}

/** Where `init` puts a new identity: the project's root, else the main working tree, else the directory. */
export function rootForInit(system: System): string {
  const found = projectRoot(system);
  if (found !== null) return found;
  const git = findGit(system.files, system.cwd);
  return system.files.realpath(git?.mainWorkTree ?? git?.workTree ?? system.cwd);
}

/** The identity file of a project root. */
export function identityFile(root: string): string {
  return path.join(root, KITTIFY, 'config.yaml');
}

/**
 * The identity file's text, null when absent.
 * @throws UserError `identity_corrupt` for links, pipes, giants and files that cannot be read.
 */
export function readIdentityText(files: Files, root: string): string | null {
  const file = identityFile(root);
  const read = files.readInside(root, file, MAX_IDENTITY_BYTES);
  if (read.ok) return read.bytes.toString('utf8');
  if (read.reason === 'absent') return null;
  throw corrupt(file, READ_REASONS[read.reason]);
}

/** The identity in a text, by the quick reader or, where that declines, by the YAML library. */
export async function readIdentity(text: string, file: string): Promise<Identity> {
  return readPlainIdentity(text) ?? readYamlIdentity(text, file);
}

/** The node id of this machine and user, 12 hexadecimal digits: the same as the earlier program's. */
export function machineNodeId(host: Host): string {
  return sha256Hex(`${host.name}:${host.user}`).slice(0, 12);
}

const KITTIFY = '.kittify';
const MISSIONS = 'kitty-specs';
const MAX_IDENTITY_BYTES = 1_048_576;
const READ_REASONS = {
  outside: 'it is, or lies behind, a symbolic link',
  not_a_file: 'it is not a regular file',
  too_large: 'it is too large',
  unreadable: 'it cannot be read',
} as const;

function corrupt(file: string, reason: string): UserError {
  return new UserError('identity_corrupt', `${file}: ${reason}`, { remedy: null });
}

function statedRoot(system: System): string | null {
  const stated = system.env['SPECIFY_REPO_ROOT'] ?? '';
  if (stated === '') return null;
  const dir = path.resolve(system.cwd, stated);
  if (system.files.stat(dir)?.kind === 'directory') return system.files.realpath(dir);
  throw new UserError('not_a_project', `SPECIFY_REPO_ROOT names ${dir}, which is no directory`, {
    remedy: 'unset SPECIFY_REPO_ROOT',
  });
}

function mainWorkTree(files: Files, dir: string): string | null {
  const isLinked = lookAt(files, path.join(dir, '.git'))?.kind === 'file';
  return isLinked ? (openGit(files, dir)?.mainWorkTree ?? null) : null;
}

function holdsKittify(files: Files, dir: string): boolean {
  const kind = lookAt(files, path.join(dir, KITTIFY))?.kind;
  return kind === 'directory' || kind === 'symlink';
}

function isRoot(system: System, dir: string): boolean {
  const { files, host } = system;
  if (!holdsKittify(files, dir)) return false;
  // The user's own `.kittify` holds assets; it makes no project of everything below the home directory.
  if (dir === host.homeDir && lookAt(files, identityFile(dir)) === null) return false;
  return !liesInMissions(files, dir);
}

/** Snapshots leave a `.kittify` inside mission directories, which is never a project's root. */
function liesInMissions(files: Files, dir: string): boolean {
  if (lookAt(files, path.join(dir, '.git')) !== null) return false;
  for (const above of upwards(path.dirname(dir))) {
    if (path.basename(above) !== MISSIONS) continue;
    const owner = path.dirname(above);
    if (holdsKittify(files, owner) || lookAt(files, path.join(owner, '.git')) !== null) return true;
  }
  return false;
}

function statedRepoSlug(identity: Identity): string | null {
  const segments = identity.repoSlug?.split('/') ?? [];
  return segments.length >= 2 && segments.every((each) => each.trim() !== '')
    ? identity.repoSlug
    : null;
}

/** The working directory may lie in a worktree of the same repository, with a branch of its own. */
function gitOfCommand(system: System, rootGit: GitPlace | null): GitPlace | null {
  const near = findGit(system.files, system.cwd);
  const isSameRepository = near !== null && near.checkoutPath === rootGit?.checkoutPath;
  return isSameRepository ? near : rootGit;
}
