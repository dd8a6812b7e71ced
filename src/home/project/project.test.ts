import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempDir, testSystem } from '../../../test/support/temp-home.ts';
import type { Env } from '../../base/index.ts';
import { initProject, slugFromRemote } from './init.ts';
import { findProject, machineNodeId, projectRoot, type Project } from './project.ts';

const UUID = '12345678-90ab-4cde-8f01-234567890abc';
const IDENTITY = `project:\n  uuid: ${UUID}\n  slug: demo\n`;

/** Directories and files by path below `dir`; a path ending in a slash is a directory. */
function lay(dir: string, tree: Readonly<Record<string, string>>): string {
  for (const [name, text] of Object.entries(tree)) {
    const file = path.join(dir, name);
    mkdirSync(name.endsWith('/') ? file : path.dirname(file), { recursive: true });
    if (!name.endsWith('/')) writeFileSync(file, text);
  }
  return dir;
}

function find(dir: string, cwd = dir, env: Env = {}): Promise<Project> {
  return findProject(testSystem(dir, { cwd, env }));
}

function rootAt(dir: string, cwd: string, env: Env = {}): string | null {
  return projectRoot(testSystem(dir, { cwd: path.join(dir, cwd), env }));
}

const HEAD = { '.git/HEAD': 'ref: refs/heads/main\n' };
const CONFIG = { '.kittify/config.yaml': IDENTITY };

describe('projectRoot', () => {
  it('is the nearest directory upwards with .kittify', () => {
    const dir = lay(tempDir(), { ...HEAD, ...CONFIG, 'a/b/': '', 'a/nested/.kittify/': '' });
    expect(rootAt(dir, 'a/b')).toBe(dir);
    expect(rootAt(dir, 'a/nested')).toBe(path.join(dir, 'a/nested'));
    expect(rootAt(tempDir(), '.')).toBeNull();
  });

  it('is never a mission directory that a snapshot left a .kittify in', () => {
    const mission = 'kitty-specs/001-m';
    const tree = { [`${mission}/.kittify/config.yaml`]: IDENTITY, [`${mission}/tasks/`]: '' };
    const project = lay(tempDir(), { ...tree, ...CONFIG });
    expect(rootAt(project, `${mission}/tasks`)).toBe(project);
    const withoutIdentity = lay(tempDir(), { ...tree, ...HEAD });
    expect(rootAt(withoutIdentity, `${mission}/tasks`)).toBeNull();
  });

  it('may lie below a directory that merely has the name', () => {
    const dir = lay(tempDir(), {
      'kitty-specs/plain/.kittify/config.yaml': IDENTITY,
      'repo/.kittify/': '',
      'repo/kitty-specs/cloned/.kittify/': '',
      'repo/kitty-specs/cloned/.git/HEAD': '',
      'kitty-specs/.kittify/': '',
    });
    expect(rootAt(dir, 'kitty-specs/plain')).toBe(path.join(dir, 'kitty-specs/plain'));
    expect(rootAt(dir, 'repo/kitty-specs/cloned')).toBe(path.join(dir, 'repo/kitty-specs/cloned'));
    expect(rootAt(dir, 'kitty-specs')).toBe(path.join(dir, 'kitty-specs'));
  });

  it('is not the home directory with its assets', () => {
    const dir = lay(tempDir(), { 'user/.kittify/missions/': '', 'user/work/': '' });
    expect(rootAt(dir, 'user/work')).toBeNull();
    lay(dir, { 'user/.kittify/config.yaml': IDENTITY });
    expect(rootAt(dir, 'user/work')).toBe(path.join(dir, 'user'));
  });

  it('is what SPECIFY_REPO_ROOT names, or nothing', () => {
    const dir = lay(tempDir(), { ...CONFIG, 'other/': '', file: '' });
    expect(rootAt(dir, '.', { SPECIFY_REPO_ROOT: 'other' })).toBe(path.join(dir, 'other'));
    expect(rootAt(dir, '.', { SPECIFY_REPO_ROOT: '' })).toBe(dir);
    for (const wrong of ['missing', 'file']) {
      expect(() => rootAt(dir, '.', { SPECIFY_REPO_ROOT: wrong })).toThrow(
        `SPECIFY_REPO_ROOT names ${path.join(dir, wrong)}`,
      );
    }
  });
});

function worktree(main: string, side: string): void {
  const admin = path.join(main, '.git/worktrees/side');
  lay('/', {
    [path.join(admin, 'HEAD')]: 'ref: refs/heads/side\n',
    [path.join(admin, 'commondir')]: '../..\n',
    [path.join(admin, 'gitdir')]: `${path.join(side, '.git')}\n`,
    [path.join(side, '.git')]: `gitdir: ${admin}\n`,
  });
}

async function repoSlugIn(text: string): Promise<string | null> {
  const dir = lay(tempDir(), { '.kittify/config.yaml': `${IDENTITY}  repo_slug: ${text}\n` });
  return (await find(dir)).repoSlug;
}

describe('findProject', () => {
  it('reads the identity and the checkout', async () => {
    const dir = lay(tempDir(), { ...HEAD, ...CONFIG, 'a/b/': '' });
    const project = await find(dir, path.join(dir, 'a/b'));
    expect(project).toMatchObject({
      id: UUID,
      slug: 'demo',
      repoSlug: null,
      root: dir,
      checkoutPath: path.join(dir, '.git'),
      git: { workTree: dir },
    });
  });

  it('is the same project and checkout in a linked worktree, with a branch of its own', async () => {
    const dir = tempDir();
    const main = path.join(dir, 'main');
    const side = path.join(dir, 'side');
    lay(main, { ...HEAD, ...CONFIG });
    lay(side, { ...CONFIG, 'src/': '' });
    worktree(main, side);
    const project = await find(dir, path.join(side, 'src'));
    expect(project).toMatchObject({
      id: UUID,
      root: main,
      checkoutPath: path.join(main, '.git'),
      git: { workTree: side },
    });
    expect((await find(main)).checkoutPath).toBe(project.checkoutPath);
  });

  it('is another checkout where a copied .git file claims to belong to the repository', async () => {
    const dir = tempDir();
    const main = lay(path.join(dir, 'main'), { ...HEAD, ...CONFIG });
    worktree(main, path.join(dir, 'side'));
    const copy = lay(path.join(dir, 'copy'), {
      ...CONFIG,
      '.git': readFileSync(path.join(dir, 'side/.git'), 'utf8'),
    });
    expect(await find(copy)).toMatchObject({ root: copy, checkoutPath: copy });
  });

  it('works without git, and beside a repository that is not its own', async () => {
    const dir = lay(tempDir(), CONFIG);
    expect(await find(dir)).toMatchObject({ checkoutPath: dir, git: null });
    lay(dir, { 'vendor/lib/.git/HEAD': 'ref: refs/heads/x\n' });
    expect((await find(dir, path.join(dir, 'vendor/lib'))).git).toBeNull();
  });

  it('keeps a repo_slug only where it names owner and repository', async () => {
    expect(await repoSlugIn('owner/repo')).toBe('owner/repo');
    expect(await repoSlugIn('{x: 1}').catch((error: unknown) => String(error))).toContain(
      'not a text',
    );
    expect(await repoSlugIn('repo')).toBeNull();
    expect(await repoSlugIn('owner/')).toBeNull();
    expect(await repoSlugIn('"owner/ "')).toBeNull();
  });

  it('reads an unusual file through the library', async () => {
    const dir = lay(tempDir(), { '.kittify/config.yaml': `--- {project: {uuid: "${UUID}"}}\n` });
    expect((await find(dir)).id).toBe(UUID);
  });

  it.each([
    ['no project', {}, 'not_a_project'],
    ['no identity file', { '.kittify/': '' }, 'identity_missing'],
    ['no uuid', { '.kittify/config.yaml': 'vcs: git\n' }, 'identity_missing'],
    ['a broken uuid', { '.kittify/config.yaml': 'project:\n  uuid: nope\n' }, 'identity_corrupt'],
    ['broken YAML', { '.kittify/config.yaml': 'project: [\n' }, 'identity_corrupt'],
    ['a directory for a file', { '.kittify/config.yaml/': '' }, 'identity_corrupt'],
    ['a giant', { '.kittify/config.yaml': '#'.repeat(1_100_000) }, 'identity_corrupt'],
  ])('refuses %s', async (_what, tree, code) => {
    const dir = lay(tempDir(), tree);
    await expect(find(dir)).rejects.toMatchObject({ code });
  });

  it('refuses links and pipes in the place of the identity', async () => {
    const elsewhere = lay(tempDir(), CONFIG);
    const whole = tempDir();
    symlinkSync(path.join(elsewhere, '.kittify'), path.join(whole, '.kittify'));
    const file = lay(tempDir(), { '.kittify/': '' });
    const link = path.join(file, '.kittify/config.yaml');
    symlinkSync(path.join(elsewhere, '.kittify/config.yaml'), link);
    const pipe = lay(tempDir(), { '.kittify/': '' });
    execFileSync('mkfifo', [path.join(pipe, '.kittify/config.yaml')]);
    for (const dir of [whole, file, pipe]) {
      await expect(find(dir)).rejects.toMatchObject({ code: 'identity_corrupt' });
      await expect(initProject(testSystem(dir))).rejects.toMatchObject({
        code: 'identity_corrupt',
      });
    }
    expect(readFileSync(path.join(elsewhere, '.kittify/config.yaml'), 'utf8')).toBe(IDENTITY);
  });
});

describe('initProject', () => {
  it('gives a repository an identity, once', async () => {
    const dir = lay(path.join(tempDir(), 'My_Repo Name'), { ...HEAD, 'a/': '' });
    const report = await initProject(testSystem(dir, { cwd: path.join(dir, 'a') }));
    expect(report).toMatchObject({
      created: ['uuid', 'slug', 'node_id'],
      file: path.join(dir, '.kittify/config.yaml'),
      project: { root: dir, slug: 'my-repo-name' },
    });
    const text = readFileSync(report.file, 'utf8');
    expect(text).toContain('Keep this file in git');
    expect(text).toContain(`  uuid: ${report.project.id}\n`);
    expect(text).toContain('  node_id: e79b718edb1a\n');
    expect(report.project.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-/);

    const again = await initProject(testSystem(dir));
    expect(again).toMatchObject({ created: [], project: { id: report.project.id } });
    expect(readFileSync(report.file, 'utf8')).toBe(text);
    expect((await find(dir)).id).toBe(report.project.id);
  });

  it('completes an identity and keeps everything that stands in the file', async () => {
    const text = '# mine\nvcs:\n    type:   git   # odd\n\n\nlast: [a,  b]\n';
    const dir = lay(tempDir(), { '.kittify/config.yaml': text });
    const report = await initProject(testSystem(dir));
    const written = readFileSync(report.file, 'utf8');
    expect(written.startsWith(text)).toBe(true);

    const partial = lay(tempDir(), {
      '.kittify/config.yaml': `${IDENTITY}  repo_slug: "a/b" # c\n`,
    });
    const completed = await initProject(testSystem(partial));
    expect(completed).toMatchObject({
      created: ['node_id'],
      project: { id: UUID, repoSlug: 'a/b' },
    });
    expect(readFileSync(completed.file, 'utf8')).toContain('repo_slug: "a/b" # c');
  });

  it('takes the slug from origin, and the main working tree for a worktree', async () => {
    const dir = tempDir();
    const main = lay(path.join(dir, 'main'), {
      ...HEAD,
      '.git/config': '[remote "origin"]\n\turl = git@h.example:Org/Real_Name.git\n',
    });
    const side = path.join(dir, 'side');
    worktree(main, side);
    const report = await initProject(testSystem(dir, { cwd: side }));
    expect(report.project).toMatchObject({ root: main, slug: 'real-name' });
  });

  it('works where there is no git, and leaves a broken file alone', async () => {
    const dir = tempDir();
    expect((await initProject(testSystem(dir))).project.root).toBe(dir);
    const broken = lay(tempDir(), { '.kittify/config.yaml': 'project: [\n' });
    await expect(initProject(testSystem(broken))).rejects.toMatchObject({
      code: 'identity_corrupt',
    });
    expect(readFileSync(path.join(broken, '.kittify/config.yaml'), 'utf8')).toBe('project: [\n');
  });
});

describe('names', () => {
  it.each([
    ['https://h.example/Org/Some_Repo.git', 'some-repo'],
    ['git@h.example:org/repo.git', 'repo'],
    ['git@h.example:repo', 'repo'],
    ['ssh://git@h.example:22/org/repo/', 'repo'],
    ['/srv/My Repo', 'my-repo'],
    ['', null],
    ['///', null],
  ])('%s gives the slug %s', (url, slug) => {
    expect(slugFromRemote(url)).toBe(slug);
  });

  it('node ids are those of the earlier program', () => {
    expect(machineNodeId({ ...testSystem('/').host, name: 'myhost', user: 'alice' })).toBe(
      'e79b718edb1a',
    );
  });
});
