import { chmodSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { lateRefusal } from '../../test/support/refusal.ts';
import { tempDir, testSystem } from '../../test/support/temp-home.ts';
import { homePaths, type Place } from '../home/index.ts';
import { forgetCredentials, looksSecret, readCredentials, saveCredentials } from './credentials.ts';

const ACCOUNT = { provider: 'jira', workspace: 'acme.atlassian.net' };

function place(): Place & { readonly file: string } {
  const dir = tempDir();
  const system = testSystem(dir, { env: { SPEC_KITTY_HOME: path.join(dir, 'home') } });
  const paths = homePaths(system);
  system.files.makeDir(paths.root);
  return { system, paths, file: paths.trackerCredentials };
}

describe('credentials', () => {
  it('are kept by tracker and workspace, for their owner alone, and replaced as a whole', async () => {
    const at = place();
    saveCredentials(at, ACCOUNT, { api_token: 's', project_key: 'ACME' });
    saveCredentials(at, { ...ACCOUNT, workspace: 'other' }, { api_token: 't' });
    expect(statSync(at.file).mode & 0o777).toBe(0o600);
    expect(await readCredentials(at, ACCOUNT)).toEqual({ api_token: 's', project_key: 'ACME' });
    saveCredentials(at, ACCOUNT, { project_key: 'B' });
    expect(await readCredentials(at, ACCOUNT)).toEqual({ project_key: 'B' });
    expect(await readCredentials(at, { ...ACCOUNT, workspace: 'third' })).toBeNull();
  });

  it('of the earlier program are read until ours say something, and never written', async () => {
    const at = place();
    const theirs = '[tracker.providers.jira]\napi_token = "old"\nproject_key = 7\nempty = " "\n';
    writeFileSync(at.paths.credentials, theirs, { mode: 0o600 });
    expect(await readCredentials(at, ACCOUNT)).toEqual({ api_token: 'old', project_key: '7' });
    expect(await readCredentials(at, { ...ACCOUNT, provider: 'linear' })).toBeNull();
    forgetCredentials(at, ACCOUNT);
    expect(await readCredentials(at, ACCOUNT)).toEqual({});
    expect(readFileSync(at.paths.credentials, 'utf8')).toBe(theirs);
  });

  it('are not used from a file that others may read, a link, or what is not ours', async () => {
    const at = place();
    saveCredentials(at, ACCOUNT, { api_token: 'never shown' });
    const refused = async (): Promise<string> => {
      const error = await lateRefusal(readCredentials(at, ACCOUNT));
      expect(error.code).toBe('credentials_unreadable');
      expect(error.message).not.toContain('never shown');
      return error.message;
    };
    chmodSync(at.file, 0o644);
    expect(await refused()).toMatch(/other users may read it/);
    chmodSync(at.file, 0o600);
    for (const text of ['never shown {', '[]', '{"version":2,"trackers":{}}', '{"version":1}']) {
      writeFileSync(at.file, text);
      expect(await refused()).toMatch(/its content is not ours/);
    }
    const elsewhere = path.join(tempDir(), 'elsewhere.json');
    writeFileSync(elsewhere, '{}', { mode: 0o600 });
    rmSync(at.file);
    symlinkSync(elsewhere, at.file);
    expect(await refused()).toMatch(/symbolic link/);
  });
});

it.each([
  ...['api_token', 'api_key', 'token', 'ACCESS_TOKEN', 'pat', 'password', 'client_secret', 'pass'],
  ...['private_key', 'personal_access_token', 'authorization', 'session_cookie'],
])('%s looks like a secret', (name) => {
  expect(looksSecret(name)).toBe(true);
});

it.each([
  ...['base_url', 'email', 'project_key', 'team_id', 'owner', 'repo', 'project_id', 'organization'],
  ...['project', 'server_url', 'username', 'team_slug', 'graphql_url'],
])('%s does not', (name) => {
  expect(looksSecret(name)).toBe(false);
});
