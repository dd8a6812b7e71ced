import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempDir, testSystem } from '../../test/support/temp-home.ts';
import { parseProjectId, type ProjectId } from '../wire/index.ts';
import { homePaths } from './paths.ts';

const UUID = '0b0f2c4e-7d3a-4a53-9f5e-1a2b3c4d5e6f';

function projectId(): ProjectId {
  const id = parseProjectId(UUID);
  if (id === null) throw new Error('not a project id');
  return id;
}

describe('homePaths', () => {
  it('lies in the home directory, as it did for the earlier program', () => {
    const dir = tempDir();
    const paths = homePaths(testSystem(dir, { homeDir: '/home/alice', platform: 'linux' }));
    expect(paths.root).toBe('/home/alice/.spec-kitty');
    expect(paths.projectStore(projectId())).toBe(`/home/alice/.spec-kitty/projects/${UUID}.db`);
    expect(paths.spillDir(projectId())).toBe(`/home/alice/.spec-kitty/projects/${UUID}.spill`);
    expect(paths.log).toBe('/home/alice/.spec-kitty/log/spec-kitty.log');
  });

  it('takes SPEC_KITTY_HOME as it stands, without expanding a tilde', () => {
    const dir = tempDir();
    const rootOf = (home: string): string =>
      homePaths(testSystem(dir, { env: { SPEC_KITTY_HOME: home }, platform: 'linux' })).root;
    expect(rootOf('/srv/kitty home')).toBe('/srv/kitty home');
    expect(rootOf('~/kitty')).toBe(path.join(dir, '~/kitty'));
    expect(rootOf('')).toBe(path.join(dir, 'user', '.spec-kitty'));
  });

  it('is below the local application data on Windows', () => {
    const dir = tempDir();
    const options = { homeDir: String.raw`C:\Users\alice`, platform: 'win32' } as const;
    const stated = { ...options, env: { LOCALAPPDATA: String.raw`D:\Local` } };
    expect(homePaths(testSystem(dir, stated)).root).toBe(String.raw`D:\Local\spec-kitty`);
    expect(homePaths(testSystem(dir, options)).config).toBe(
      String.raw`C:\Users\alice\AppData\Local\spec-kitty\config.toml`,
    );
  });
});
