import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { tempDir, testSystem } from '../../test/support/temp-home.ts';
import type { Env } from '../base/index.ts';
import { openHome, type Home } from './home.ts';
import { saveSession } from './login/keeping.ts';
import { currentSyncTarget } from './sync-target.ts';

const A = 'https://a.example';
const B = 'https://b.example';
const SECRETS = { token: 't', refresh: null };
const WORKING = { processWideOverride: true } as const;

function homeWith(config: string, env: Env = {}): Home {
  const home = openHome(testSystem(tempDir(), { env }));
  onTestFinished(() => {
    home.close();
  });
  mkdirSync(home.paths.root, { recursive: true });
  writeFileSync(home.paths.config, config);
  return home;
}

describe('currentSyncTarget', () => {
  it('joins configuration, environment, session and marker', async () => {
    const home = homeWith(`[sync]\nserver_url = "${A}/"\n`);
    await saveSession(
      home,
      `${A}/api`,
      { kind: 'machine', team: 'acme', user: 'alice@example.com' },
      SECRETS,
    );
    writeFileSync(home.paths.activeQueueScope, `${A}|alice@example.com|acme\n`);
    expect(await currentSyncTarget(home, WORKING)).toMatchObject({
      configuredServerUrl: `${A}/`,
      resolvedServerUrl: A,
      overrideMode: 'none',
      userId: 'alice@example.com',
      teamSlug: 'acme',
      derivedQueueScope: `${A}|alice@example.com|acme`,
      activeQueueScopeStatus: 'matches',
    });
  });

  it('takes no identity from another origin’s session', async () => {
    const home = homeWith(`[sync]\nserver_url = "${A}"\n`, { SPEC_KITTY_SAAS_URL: B });
    await saveSession(
      home,
      A,
      { kind: 'machine', team: 'acme', user: 'alice@example.com' },
      SECRETS,
    );
    expect(await currentSyncTarget(home, WORKING)).toMatchObject({
      resolvedServerUrl: B,
      overrideMode: 'process_override',
      userId: null,
      teamSlug: null,
      derivedQueueScope: `${B}||`,
    });
  });

  it('lets the project’s server stand for the machine’s, and a flag for both', async () => {
    const home = homeWith(`[sync]\nserver_url = "${A}"\n`);
    const ofProject = { ...WORKING, projectServerUrl: B };
    expect((await currentSyncTarget(home, ofProject)).resolvedServerUrl).toBe(B);
    const flagged = { ...ofProject, flagServerUrl: 'https://c.example' };
    expect((await currentSyncTarget(home, flagged)).resolvedServerUrl).toBe('https://c.example');
  });

  it('refuses to write while the environment says another thing', async () => {
    const home = homeWith(`[sync]\nserver_url = "${A}"\n`, { SPEC_KITTY_SAAS_URL: B });
    const writing = currentSyncTarget(home, { processWideOverride: false });
    await expect(writing).rejects.toMatchObject({ code: 'split_brain', exitCode: 2 });
  });

  it('resolves nothing where nobody named a server', async () => {
    expect(await currentSyncTarget(homeWith(''), WORKING)).toMatchObject({
      resolvedServerUrl: null,
      derivedQueueScope: null,
      activeQueueScopeStatus: 'absent',
    });
  });

  it.each([
    ['[server]\nurl = "HTTPS://A.example/"\n[user]\nusername = "Bob"\nteam_slug = ""\n', 'matches'],
    ['[server]\nurl = "https://a.example"\n[user]\nusername = 5\n', 'absent'],
    ['server = "https://a.example"\nuser = 1\n', 'absent'],
    ['[server', 'absent'],
  ])('falls back to the earlier login %j', async (login, status) => {
    const home = homeWith(`[sync]\nserver_url = "${A}"\n`);
    await saveSession(home, A, { kind: 'machine', team: 'no-team', user: 'bob' }, SECRETS);
    writeFileSync(home.paths.credentials, login);
    expect((await currentSyncTarget(home, WORKING)).activeQueueScopeStatus).toBe(status);
  });
});
