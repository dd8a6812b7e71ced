import path from 'node:path';
import { errnoOf, withoutTrailingSlashes, type Files, type FileStat } from '../../base/index.ts';

/** One working tree and where git keeps its facts; read from the files, never by running git. */
export interface GitPlace {
  /** The directory that holds `.git`. */
  readonly workTree: string;
  /** Where HEAD of this working tree lies. */
  readonly gitDir: string;
  /** Where branches and configuration lie; all worktrees of a repository share it. */
  readonly commonDir: string;
  /** The working tree that a linked worktree belongs to, itself otherwise; null for worktrees of a bare one. */
  readonly mainWorkTree: string | null;
  /** Real path that stands for the repository with all its worktrees. */
  readonly checkoutPath: string;
}

export interface GitFacts {
  /** `HEAD` when detached; null when git does not say. */
  readonly branch: string | null;
  /** 40 or 64 hexadecimal digits; null on a branch without a commit. */
  readonly commit: string | null;
  /** `owner/name` of `origin`, with all groups in between. */
  readonly repoSlug: string | null;
}

/** The working tree around `start`, or null. */
export function findGit(files: Files, start: string): GitPlace | null {
  for (const dir of upwards(start)) {
    const place = openGit(files, dir);
    if (place !== null) return place;
  }
  return null;
}

/** The working tree whose `.git` lies directly in `dir`, or null. */
export function openGit(files: Files, dir: string): GitPlace | null {
  const dotGit = path.join(dir, '.git');
  switch (lookAt(files, dotGit)?.kind) {
    case 'directory':
      return ownGit(files, dir, dotGit, files.realpath(dotGit));
    case 'symlink':
      // A copied checkout may point its link at another one: it never takes part in that one's permissions.
      return ownGit(files, dir, dotGit, files.realpath(dir));
    case 'file':
      return linkedGit(files, dir, dotGit);
    default:
      return null;
  }
}

/**
 * Branch, commit and repository name of the working tree a command runs in.
 * @param project its `repoSlug` wins over what `origin` says; without git all but that is null.
 */
export function gitFacts(
  project: { readonly git: GitPlace | null; readonly repoSlug: string | null },
  files: Files,
): GitFacts {
  const { git } = project;
  if (git === null) return { branch: null, commit: null, repoSlug: project.repoSlug };
  const repoSlug = project.repoSlug ?? repoSlugOf(originUrl(files, git) ?? '');
  return { ...readHead(files, git), repoSlug };
}

/**
 * The branch that missions are meant for when they do not say: what `origin` calls its head, else the branch of the
 * command's working tree, else `main`.
 */
export function primaryBranch(project: { readonly git: GitPlace | null }, files: Files): string {
  const { git } = project;
  if (git === null) return 'main';
  const origin = refNamed(read(files, git.commonDir, ORIGIN_HEAD, MAX_LINK_BYTES)?.trim() ?? '');
  const named = origin?.startsWith(REMOTE) === true ? origin.slice(REMOTE.length) : null;
  const { branch } = readHead(files, git);
  return named ?? (branch === null || branch === 'HEAD' ? 'main' : branch);
}

/** The URL of the remote `origin` as configured, or null. */
export function originUrl(files: Files, git: GitPlace): string | null {
  const config = read(files, git.commonDir, 'config', MAX_CONFIG_BYTES);
  return config === null ? null : remoteUrl(config, 'origin');
}

/** `owner/name` of a remote URL, null for local paths and for anything without two segments. */
export function repoSlugOf(url: string): string | null {
  if (/^(?:file:|\/|\.\.?\/)/.test(url)) return null;
  const location =
    /^[a-z][a-z0-9+.-]*:\/\/[^/]*\/+(.*)$/i.exec(url) ?? /^[^/:]+:(?!\/\/)\/*(.*)$/.exec(url);
  const name = withoutTrailingSlashes(location?.[1] ?? '').replace(/\.git$/, '');
  const segments = name.split('/');
  return segments.length >= 2 && !segments.includes('') ? name : null;
}

/** What a path itself is; null as well where the system does not let us look. */
export function lookAt(files: Files, file: string): FileStat | null {
  try {
    return files.lstat(file);
  } catch (error) {
    if (errnoOf(error) !== '') return null;
    throw error;
  }
}

/** A directory and all above it. */
export function* upwards(start: string): Generator<string> {
  let dir = path.resolve(start);
  for (;;) {
    yield dir;
    const above = path.dirname(dir);
    if (above === dir) return;
    dir = above;
  }
}

const MAX_LINK_BYTES = 4_096;
const REMOTE = 'refs/remotes/origin/';
const ORIGIN_HEAD = `${REMOTE}HEAD`;
const MAX_CONFIG_BYTES = 1_048_576;
const MAX_PACKED_BYTES = 67_108_864;
const MAX_REF_HOPS = 5;
const COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
const REF = /^refs\/(?!.*\.\.)[^\p{Cc} ~^:?*[\\]+$/u;

function ownGit(files: Files, dir: string, gitDir: string, checkoutPath: string): GitPlace | null {
  if (lookAt(files, path.join(gitDir, 'HEAD')) === null) return null;
  const real = files.realpath(gitDir);
  return { workTree: dir, gitDir: real, commonDir: real, mainWorkTree: dir, checkoutPath };
}

/** `.git` as a file: a linked worktree, a submodule, or a git directory kept elsewhere. */
function linkedGit(files: Files, dir: string, dotGit: string): GitPlace | null {
  const target = /^gitdir: (.+)$/m.exec(read(files, dir, '.git', MAX_LINK_BYTES) ?? '')?.[1];
  if (target === undefined) return null;
  const gitDir = path.resolve(dir, target.trimEnd());
  if (lookAt(files, path.join(gitDir, 'HEAD')) === null) return null;
  const real = files.realpath(gitDir);
  const common = read(files, real, 'commondir', MAX_LINK_BYTES)?.trimEnd();
  const backLink = read(files, real, 'gitdir', MAX_LINK_BYTES)?.trimEnd();
  if (common === undefined || !isSame(files, path.resolve(real, backLink ?? ''), dotGit)) {
    return ownGit(files, dir, gitDir, files.realpath(dir));
  }
  const commonDir = files.realpath(path.resolve(real, common));
  const mainWorkTree = path.basename(commonDir) === '.git' ? path.dirname(commonDir) : null;
  return { workTree: dir, gitDir: real, commonDir, mainWorkTree, checkoutPath: commonDir };
}

/** The repository must name the worktree too: a file alone could claim to belong to any repository. */
function isSame(files: Files, named: string, actual: string): boolean {
  return lookAt(files, named) !== null && files.realpath(named) === files.realpath(actual);
}

function read(files: Files, root: string, name: string, maxBytes: number): string | null {
  const found = files.readInside(root, path.join(root, name), maxBytes);
  return found.ok ? found.bytes.toString('utf8') : null;
}

function readHead(files: Files, git: GitPlace): { branch: string | null; commit: string | null } {
  const head = read(files, git.gitDir, 'HEAD', MAX_LINK_BYTES)?.trim() ?? '';
  if (COMMIT.test(head)) return { branch: 'HEAD', commit: head };
  const ref = refNamed(head);
  // Repositories with the reftable format put a ref there that cannot exist.
  if (ref === null || ref === 'refs/heads/.invalid') return { branch: null, commit: null };
  return { branch: ref.replace(/^refs\/(?:heads\/)?/, ''), commit: resolveRef(files, git, ref) };
}

function refNamed(text: string): string | null {
  const ref = /^ref: (\S+)$/.exec(text)?.[1] ?? '';
  return REF.test(ref) ? ref : null;
}

function resolveRef(files: Files, git: GitPlace, first: string): string | null {
  let ref = first;
  for (let hop = 0; hop < MAX_REF_HOPS; hop += 1) {
    const loose = read(files, git.commonDir, ref, MAX_LINK_BYTES)?.trim();
    if (loose === undefined) return packedRef(files, git, ref);
    if (COMMIT.test(loose)) return loose;
    const next = refNamed(loose);
    if (next === null) return null;
    ref = next;
  }
  return null;
}

function packedRef(files: Files, git: GitPlace, ref: string): string | null {
  const packed = read(files, git.commonDir, 'packed-refs', MAX_PACKED_BYTES);
  const at = packed?.indexOf(` ${ref}\n`) ?? -1;
  if (packed === null || at === -1) return null;
  const commit = packed.slice(packed.lastIndexOf('\n', at) + 1, at);
  return COMMIT.test(commit) ? commit : null;
}

function remoteUrl(config: string, remote: string): string | null {
  let inside = false;
  for (const row of config.split(/\r?\n/)) {
    const section = /^\s*\[\s*([\w.-]+)(?:\s+"((?:[^"\\]|\\.)*)")?\s*\]/.exec(row);
    if (section !== null) inside = section[1]?.toLowerCase() === 'remote' && section[2] === remote;
    const entry = inside ? /^\s*url\s*=\s*(.*)$/i.exec(row) : null;
    if (entry !== null) return configValue(entry[1] ?? '');
  }
  return null;
}

/** A value of git's configuration file: quotes removed, escapes undone, comments cut (git-config "Syntax"). */
function configValue(text: string): string {
  let value = '';
  let quoted = false;
  for (const [token] of text.matchAll(/\\.|./gu)) {
    if (token === '"') quoted = !quoted;
    else if (!quoted && (token === '#' || token === ';')) break;
    else value += token.length === 2 && token.startsWith('\\') ? token.slice(1) : token;
  }
  return value.trim();
}
