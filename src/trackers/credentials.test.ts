import { chmodSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { lateRefusal } from '../../test/support/refusal.ts';
import { tempDir, testSystem } from '../../test/support/temp-home.ts';
import { openHome, type Home, type Keyring } from '../home/index.ts';
import { forgetCredentials, looksSecret, readCredentials, saveCredentials } from './credentials.ts';

const ACCOUNT = { provider: 'jira', workspace: 'acme.atlassian.net' };

interface Kept {
  readonly home: Home;
  readonly file: string;
}

function place(keyring: Keyring | null = null): Kept {
  const dir = tempDir();
  const system = testSystem(dir, { env: { SPEC_KITTY_HOME: path.join(dir, 'home') } });
  const home = openHome(system, undefined, () => Promise.resolve(keyring));
  onTestFinished(() => {
    home.close();
  });
  system.files.makeDir(home.paths.root);
  return { home, file: home.paths.trackerCredentials };
}

function memoryKeyring(): Keyring & { readonly secrets: Map<string, string> } {
  const secrets = new Map<string, string>();
  return {
    secrets,
    read: (account) => secrets.get(account) ?? null,
    write: (account, secret) => {
      secrets.set(account, secret);
    },
    remove: (account) => {
      secrets.delete(account);
    },
  };
}

describe('credentials', () => {
  it('are kept by tracker and workspace, for their owner alone, and replaced as a whole', async () => {
    const at = place();
    await saveCredentials(at.home, ACCOUNT, { api_token: 's', project_key: 'ACME' });
    await saveCredentials(at.home, { ...ACCOUNT, workspace: 'other' }, { api_token: 't' });
    expect(statSync(at.file).mode & 0o777).toBe(0o600);
    expect(await readCredentials(at.home, ACCOUNT)).toEqual({
      api_token: 's',
      project_key: 'ACME',
    });
    await saveCredentials(at.home, ACCOUNT, { project_key: 'B' });
    expect(await readCredentials(at.home, ACCOUNT)).toEqual({ project_key: 'B' });
    expect(await readCredentials(at.home, { ...ACCOUNT, workspace: 'third' })).toBeNull();
  });

  it('of the earlier program are read until ours say something, and never written', async () => {
    const at = place();
    const theirs = '[tracker.providers.jira]\napi_token = "old"\nproject_key = 7\nempty = " "\n';
    writeFileSync(at.home.paths.credentials, theirs, { mode: 0o600 });
    expect(await readCredentials(at.home, ACCOUNT)).toEqual({ api_token: 'old', project_key: '7' });
    expect(await readCredentials(at.home, { ...ACCOUNT, provider: 'linear' })).toBeNull();
    await forgetCredentials(at.home, ACCOUNT);
    expect(await readCredentials(at.home, ACCOUNT)).toEqual({});
    expect(readFileSync(at.home.paths.credentials, 'utf8')).toBe(theirs);
  });

  it('lie in the keyring where there is one, and nowhere else', async () => {
    const keyring = memoryKeyring();
    const at = place(keyring);
    await saveCredentials(at.home, ACCOUNT, { api_token: 'in the keyring' });
    expect(await readCredentials(at.home, ACCOUNT)).toEqual({ api_token: 'in the keyring' });
    expect(readFileSync(at.file, 'utf8')).not.toContain('in the keyring');
    for (const broken of ['{', undefined]) {
      if (broken === undefined) keyring.secrets.clear();
      else keyring.write([...keyring.secrets.keys()][0] ?? '', broken);
      const reading = readCredentials(at.home, ACCOUNT);
      if (broken === undefined) {
        expect((await lateRefusal(reading)).code).toBe('credentials_unreadable');
      } else expect(await reading).toEqual({});
    }
    const locked: Keyring = {
      ...memoryKeyring(),
      read: () => {
        throw new Error('locked');
      },
    };
    const elsewhere = place(locked);
    await saveCredentials(elsewhere.home, ACCOUNT, { api_token: 'x' });
    const unreadable = await lateRefusal(readCredentials(elsewhere.home, ACCOUNT));
    expect(unreadable.code).toBe('credentials_unreadable');
    await saveCredentials(at.home, ACCOUNT, { api_token: 'again' });
    await forgetCredentials(at.home, ACCOUNT);
    expect(keyring.secrets.size).toBe(0);
    expect(await readCredentials(at.home, ACCOUNT)).toEqual({});
  });

  it('are not used from a file that others may read, a link, or what is not ours', async () => {
    const at = place();
    await saveCredentials(at.home, ACCOUNT, { api_token: 'never shown' });
    const refused = async (): Promise<string> => {
      const error = await lateRefusal(readCredentials(at.home, ACCOUNT));
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
