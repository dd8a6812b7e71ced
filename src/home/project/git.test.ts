import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../../../test/support/temp-home.ts';
import { systemFiles, type Files } from '../../base/index.ts';
import { findGit, gitFacts, lookAt, openGit, originUrl, repoSlugOf, type GitFacts } from './git.ts';

const ONE = '1'.repeat(40);
const TWO = '2'.repeat(40);

/** A repository made of files, as git would leave them. */
function repository(files: Readonly<Record<string, string>>): string {
  const dir = tempDir();
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(dir, '.git', name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  return dir;
}

function factsAt(dir: string, repoSlug: string | null = null): GitFacts {
  return gitFacts({ git: findGit(systemFiles, dir), repoSlug }, systemFiles);
}

describe('branch and commit', () => {
  it.each([
    ['a loose branch', { HEAD: 'ref: refs/heads/a/b\n', 'refs/heads/a/b': `${ONE}\n` }, 'a/b', ONE],
    ['a commit alone', { HEAD: `${TWO}\n` }, 'HEAD', TWO],
    ['a SHA-256 commit', { HEAD: 'a'.repeat(64) }, 'HEAD', 'a'.repeat(64)],
    ['a branch without a commit', { HEAD: 'ref: refs/heads/main\n' }, 'main', null],
    ['a reftable repository', { HEAD: 'ref: refs/heads/.invalid\n' }, null, null],
    ['a tag as HEAD', { HEAD: 'ref: refs/tags/v1\n', 'refs/tags/v1': ONE }, 'tags/v1', ONE],
    [
      'packed refs',
      {
        HEAD: 'ref: refs/heads/main\n',
        'packed-refs': `# pack-refs with: peeled\n${TWO} refs/heads/main-2\n${ONE} refs/heads/main\n^${TWO}\n`,
      },
      'main',
      ONE,
    ],
    [
      'a loose ref before a packed one',
      { HEAD: 'ref: refs/heads/m\n', 'refs/heads/m': ONE, 'packed-refs': `${TWO} refs/heads/m\n` },
      'm',
      ONE,
    ],
    [
      'a symbolic branch',
      { HEAD: 'ref: refs/heads/a', 'refs/heads/a': 'ref: refs/heads/b\n', 'refs/heads/b': ONE },
      'a',
      ONE,
    ],
    ['a circle', { HEAD: 'ref: refs/heads/a', 'refs/heads/a': 'ref: refs/heads/a\n' }, 'a', null],
    ['a way out', { HEAD: 'ref: refs/heads/../../../x\n' }, null, null],
    ['garbage in HEAD', { HEAD: 'not a ref' }, null, null],
    ['garbage in a ref', { HEAD: 'ref: refs/heads/a', 'refs/heads/a': 'secret text' }, 'a', null],
    [
      'garbage when packed',
      { HEAD: 'ref: refs/heads/a', 'packed-refs': 'x refs/heads/a\n' },
      'a',
      null,
    ],
  ] as const)('%s', (_what, files, branch, commit) => {
    expect(factsAt(repository(files))).toEqual({ branch, commit, repoSlug: null });
  });

  it('are null without git, where only what the operator wrote remains', () => {
    expect(gitFacts({ git: null, repoSlug: 'o/r' }, systemFiles)).toEqual({
      branch: null,
      commit: null,
      repoSlug: 'o/r',
    });
  });
});

describe('origin', () => {
  it.each([
    ['[remote "origin"]\n\turl = https://h.example/o/r.git\n', 'https://h.example/o/r.git'],
    ['[REMOTE "origin"]\nURL=git@h:o/r # c\n', 'git@h:o/r'],
    ['[remote "origin"]\nurl = "https://h/o#r" ; c\n', 'https://h/o#r'],
    ['[remote "origin"]\nurl = "C:\\\\r" \n', String.raw`C:\r`],
    ['[remote "other"]\nurl = a\n[remote "origin"]\nfetch = +refs\nurl = b\nurl = c\n', 'b'],
    ['[remote "origin"]\nfetch = x\n[core]\nurl = a\n', null],
    ['[remote "Origin"]\nurl = a\n', null],
    ['', null],
  ])('in %j is %j', (config, url) => {
    const dir = repository({ HEAD: ONE, config });
    const place = findGit(systemFiles, dir);
    expect(place === null ? 'no git' : originUrl(systemFiles, place)).toBe(url);
  });

  it.each([
    ['https://github.com/owner/repo.git', 'owner/repo'],
    ['https://user:pw@github.com:8443/owner/repo/', 'owner/repo'],
    ['git@github.com:owner/repo.git', 'owner/repo'],
    ['github.com:/owner/repo', 'owner/repo'],
    ['ssh://git@h:22/group/sub/repo.git', 'group/sub/repo'],
    ['git@h:repo', null],
    ['https://h/repo', null],
    ['https://h/o//r', null],
    ['file:///srv/o/r', null],
    ['/srv/o/r', null],
    ['../o/r', null],
    ['./o/r', null],
    ['o/r', null],
    ['', null],
  ])('%s is the repository %s', (url, slug) => {
    expect(repoSlugOf(url)).toBe(slug);
  });

  it('gives way to what the operator wrote', () => {
    const dir = repository({ HEAD: ONE, config: '[remote "origin"]\nurl = https://h/o/r\n' });
    expect(factsAt(dir).repoSlug).toBe('o/r');
    expect(factsAt(dir, 'mine/here').repoSlug).toBe('mine/here');
  });

  it('is read in linear time', () => {
    const hostile = `https://h/${'/'.repeat(400_000)}x${'/'.repeat(400_000)}y`;
    const config = `[${'a'.repeat(300_000)} ${' '.repeat(300_000)}\n[remote "origin"]\nurl = ${hostile}`;
    const started = performance.now();
    factsAt(repository({ HEAD: ONE, config: config.slice(0, 1_000_000) }));
    expect(repoSlugOf(hostile)).toBeNull();
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});

function git(cwd: string, ...args: readonly string[]): string {
  const settings = ['user.name=a', 'user.email=a@b.example', 'init.defaultBranch=main'];
  const words = [...settings.flatMap((setting) => ['-c', setting]), ...args];
  return execFileSync('git', words, { cwd, encoding: 'utf8', stdio: 'pipe' }).trim();
}

function hasGit(): boolean {
  try {
    return execFileSync('git', ['--version'], { encoding: 'utf8' }) !== '';
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}

function realRepository(): string {
  const dir = path.join(tempDir(), 'main');
  mkdirSync(dir);
  git(dir, 'init');
  git(dir, 'commit', '--allow-empty', '-m', 'one');
  git(dir, 'remote', 'add', 'origin', 'git@h.example:o/r.git');
  return dir;
}

function expectGitAgrees(dir: string): void {
  expect(factsAt(dir)).toEqual({
    branch: git(dir, 'rev-parse', '--abbrev-ref', 'HEAD'),
    commit: git(dir, 'rev-parse', 'HEAD'),
    repoSlug: 'o/r',
  });
}

function checkoutOf(dir: string): string | undefined {
  return openGit(systemFiles, dir)?.checkoutPath;
}

describe.runIf(hasGit())('beside the real git', () => {
  it('says the same in a repository, packed, detached, and in a worktree', () => {
    const dir = realRepository();
    expectGitAgrees(dir);
    git(dir, 'checkout', '-b', 'feature/x');
    git(dir, 'commit', '--allow-empty', '-m', 'two');
    git(dir, 'pack-refs', '--all');
    expectGitAgrees(dir);
    git(dir, 'worktree', 'add', '-b', 'side', '../side');
    const side = path.join(path.dirname(dir), 'side');
    git(side, 'commit', '--allow-empty', '-m', 'three');
    expectGitAgrees(side);
    git(dir, 'checkout', '--detach', 'main');
    expectGitAgrees(dir);
    expect(findGit(systemFiles, side)).toMatchObject({ mainWorkTree: dir, workTree: side });
  });

  it('counts a worktree to its repository only while the repository names it', () => {
    const dir = realRepository();
    const parent = path.dirname(dir);
    git(dir, 'worktree', 'add', '../side');
    const side = path.join(parent, 'side');
    expect(checkoutOf(side)).toBe(path.join(dir, '.git'));
    expect(checkoutOf(dir)).toBe(path.join(dir, '.git'));

    const copy = path.join(parent, 'copy');
    cpSync(side, copy, { recursive: true });
    expect(checkoutOf(copy)).toBe(copy);
    expect(openGit(systemFiles, copy)?.mainWorkTree).toBe(copy);
    renameSync(side, path.join(parent, 'moved'));
    expect(checkoutOf(path.join(parent, 'moved'))).toBe(path.join(parent, 'moved'));
  });

  it('keeps submodules, linked git directories and bare repositories apart', () => {
    const dir = realRepository();
    const parent = path.dirname(dir);
    git(parent, 'init', '--separate-git-dir', path.join(parent, 'kept'), 'separate');
    const separate = path.join(parent, 'separate');
    expect(openGit(systemFiles, separate)?.checkoutPath).toBe(separate);

    const linked = path.join(parent, 'linked');
    mkdirSync(linked);
    symlinkSync(path.join(dir, '.git'), path.join(linked, '.git'));
    expect(openGit(systemFiles, linked)).toMatchObject({ checkoutPath: linked });

    git(parent, 'clone', '--bare', dir, 'bare.git');
    git(path.join(parent, 'bare.git'), 'worktree', 'add', '../tree', 'main');
    const tree = path.join(parent, 'tree');
    expect(openGit(systemFiles, tree)).toMatchObject({
      mainWorkTree: null,
      checkoutPath: path.join(parent, 'bare.git'),
    });
  });
});

function failing(error: Error): Files {
  return {
    ...systemFiles,
    lstat: () => {
      throw error;
    },
  };
}

describe('what cannot be looked at', () => {
  it('counts as absent when the system refuses, and as a bug when we err', () => {
    const refused = Object.assign(new Error('no'), { code: 'EACCES' });
    expect(lookAt(failing(refused), '/x')).toBeNull();
    expect(() => lookAt(failing(new TypeError('bug')), '/x')).toThrow('bug');
  });
});

describe('what is no repository', () => {
  it('is passed by', () => {
    const dir = tempDir();
    expect(findGit(systemFiles, dir)?.workTree).not.toBe(dir);
    const dotGit = path.join(dir, '.git');
    mkdirSync(dotGit);
    expect(openGit(systemFiles, dir)).toBeNull();
    rmSync(dotGit, { recursive: true });
    for (const text of ['', 'gitdir: ', 'gitdir: ../nowhere\n', 'something else']) {
      writeFileSync(dotGit, text);
      expect(openGit(systemFiles, dir)).toBeNull();
    }
    rmSync(dotGit);
    execFileSync('mkfifo', [dotGit]);
    expect(openGit(systemFiles, dir)).toBeNull();
  });

  it('survives a HEAD that would block or lead away', () => {
    const dir = repository({ HEAD: ONE });
    const head = path.join(dir, '.git', 'HEAD');
    rmSync(head);
    execFileSync('mkfifo', [head]);
    expect(factsAt(dir)).toEqual({ branch: null, commit: null, repoSlug: null });
    rmSync(head);
    symlinkSync('/etc/hostname', head);
    expect(factsAt(dir).commit).toBeNull();
  });
});
