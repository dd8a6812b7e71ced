import { expect, it, onTestFinished } from 'vitest';
import { tempDir, testSystem } from '../../../test/support/temp-home.ts';
import { openHome, type Home } from '../home.ts';
import { forgetLogin, readLogin, saveSession } from './keeping.ts';
import { keyringOf, type Keyring } from './keyring.ts';

const LOGIN = { kind: 'device', team: 'team-ann', user: 'ann@example.com' } as const;
const SECRETS = { token: 'access-1', refresh: 'refresh-1' };
const URL = 'https://a.example';

function homeWith(keyring: Keyring | null): Home {
  const home = openHome(testSystem(tempDir()), undefined, () => Promise.resolve(keyring));
  onTestFinished(() => {
    home.close();
  });
  return home;
}

function memory(kept: Map<string, string>): Keyring {
  return {
    read: (account) => kept.get(account) ?? null,
    write: (account, secret) => {
      kept.set(account, secret);
    },
    remove: (account) => {
      kept.delete(account);
    },
  };
}

it('is left alone where the environment says so, and never fails to be looked for', async () => {
  expect(await keyringOf({ SPEC_KITTY_KEYRING: '0' })()).toBeNull();
  // Without a session bus there is no Secret Service; elsewhere it may answer.
  const found = await keyringOf({})();
  expect(found === null || typeof found.read === 'function').toBe(true);
});

it('holds the secrets of each home and origin, and none of them is in a file', async () => {
  const kept = new Map<string, string>();
  const [one, two] = [homeWith(memory(kept)), homeWith(memory(kept))];
  await saveSession(one, URL, LOGIN, SECRETS);
  await saveSession(two, URL, LOGIN, { token: 'access-2', refresh: null });
  expect((await readLogin(one, URL))?.secrets).toEqual(SECRETS);
  expect((await readLogin(two, URL))?.secrets.token).toBe('access-2');
  expect(one.system.files.readText(one.paths.session)).not.toMatch(/access-1|refresh-1/);
  await forgetLogin(one, URL);
  expect(await readLogin(one, URL)).toBeNull();
  expect([...kept.values()]).toEqual([JSON.stringify({ token: 'access-2', refresh: null })]);
});

it('that lost, garbled or refuses a secret is said, with a command that helps', async () => {
  const kept = new Map<string, string>();
  const keyring = memory(kept);
  const broken = { refuses: false };
  const home = homeWith({
    ...keyring,
    read: (account) => {
      if (broken.refuses) throw new Error('the keyring is locked');
      return keyring.read(account);
    },
  });
  await saveSession(home, URL, LOGIN, SECRETS);
  const [account = ''] = kept.keys();
  for (const text of ['{"token":"with blanks in it"}', 'access-1', '']) {
    kept.set(account, text);
    await expect(readLogin(home, URL)).rejects.toMatchObject({
      code: 'session_unreadable',
      remedy: 'spec-kitty auth logout --server https://a.example',
    });
  }
  broken.refuses = true;
  await expect(readLogin(home, URL)).rejects.toThrow('the keyring fails: the keyring is locked');
});

it('that is gone since leaves a login that says so', async () => {
  const kept = new Map<string, string>();
  const home = homeWith(memory(kept));
  await saveSession(home, URL, LOGIN, SECRETS);
  const without = openHome(home.system, undefined, () => Promise.resolve(null));
  onTestFinished(() => {
    without.close();
  });
  await expect(readLogin(without, URL)).rejects.toMatchObject({ code: 'session_unreadable' });
  await forgetLogin(without, URL);
  expect(await readLogin(without, URL)).toBeNull();
});
