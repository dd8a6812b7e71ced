import { describe, expect, it } from 'vitest';
import { ledgerTrial, STREAMS, type LedgerTrial } from '../../test/support/ledger-trial.ts';
import { lateRefusal } from '../../test/support/refusal.ts';
import { saveSession, writeConfig, type ConfigChange } from '../home/index.ts';
import { parseEndpoint } from '../receivers/index.ts';
import { findDestination, type Destination } from './destination.ts';
import { activate, type Route } from './routes.ts';
import { grant, revoke } from './grants.ts';
import { registerTarget } from './targets.ts';

const SERVER = 'https://saas.example';
const OTHER = 'https://other.example';
const ALICE = { team: 'acme', user: 'alice@example.com' };

interface Naming {
  readonly kind?: 'teamspace' | 'external';
  readonly team?: string;
  readonly user?: string;
  readonly allowHttp?: boolean;
}

function granted(trial: LedgerTrial, url: string, naming: Naming = {}): Route {
  const { kind = 'teamspace', team = '', user = '', allowHttp = false } = naming;
  const endpoint = parseEndpoint(url, { kind, allowHttp, cwd: trial.system.cwd });
  const { id } = registerTarget(trial.db, endpoint, { team, user, allowHttp, now: 1 });
  const where = {
    checkoutId: trial.checkout,
    by: 'test',
    fromNow: false,
    now: 1,
    streams: STREAMS,
  };
  return grant(trial.db, { targetId: id, ...where });
}

function find(trial: LedgerTrial, flagServerUrl: string | null = null): Promise<Destination> {
  return findDestination(trial.home, trial.db, { processWideOverride: true, flagServerUrl });
}

/** A trial whose machine has such a configuration. */
async function configured(change: ConfigChange, env = {}): Promise<LedgerTrial> {
  const trial = ledgerTrial(env);
  await writeConfig(trial.home, change);
  return trial;
}

describe('without a word from anybody', () => {
  it('is the Teamspace, with no server', async () => {
    expect(await find(ledgerTrial())).toMatchObject({
      mode: 'TEAMSPACE',
      source: 'default',
      endpoint: null,
      route: null,
      authority: { resolvedServerUrl: null },
    });
  });
});

describe('the machine’s default', () => {
  it('is offered to a project without one, and is no permission', async () => {
    const trial = await configured({ mode: 'EXTERNAL_RECEIVER', externalEndpoint: OTHER });
    expect(await find(trial)).toMatchObject({
      mode: 'EXTERNAL_RECEIVER',
      source: 'home',
      endpoint: { canonicalUrl: OTHER, kind: 'external' },
      route: null,
    });
    const route = granted(trial, OTHER, { kind: 'external' });
    expect((await find(trial)).route?.id).toBe(route.id);
  });

  it('may be a mode without an endpoint yet, or a server', async () => {
    const external = await configured({ mode: 'EXTERNAL_RECEIVER' });
    expect(await find(external)).toMatchObject({ endpoint: null, route: null });
    const teamspace = await configured({ serverUrl: SERVER });
    expect(await find(teamspace)).toMatchObject({
      mode: 'TEAMSPACE',
      source: 'default',
      endpoint: { canonicalUrl: SERVER, postUrl: `${SERVER}/api/v1/events/batch/` },
      route: null,
    });
  });

  it('does not reach a project that has chosen', async () => {
    const trial = await configured({ mode: 'EXTERNAL_RECEIVER', externalEndpoint: OTHER });
    activate(trial.db, { mode: 'LOCAL_RETENTION', routeId: null }, 1);
    expect(await find(trial)).toMatchObject({
      mode: 'LOCAL_RETENTION',
      source: 'project',
      endpoint: null,
      route: null,
    });
  });
});

describe('the project’s own choice', () => {
  it('is its active receiver, a file too', async () => {
    const trial = ledgerTrial();
    const route = granted(trial, 'https://hooks.example/in/42', { kind: 'external' });
    activate(trial.db, { mode: 'EXTERNAL_RECEIVER', routeId: route.id }, 1);
    expect(await find(trial)).toMatchObject({
      endpoint: { postUrl: 'https://hooks.example/in/42' },
      route: { id: route.id },
    });
    const stub = granted(trial, 'stub:out.ndjson', { kind: 'external' });
    activate(trial.db, { mode: 'EXTERNAL_RECEIVER', routeId: stub.id }, 2);
    expect(await find(trial)).toMatchObject({ endpoint: { kind: 'stub' }, route: { id: stub.id } });
  });

  it('is the project’s server before the machine’s', async () => {
    const trial = await configured({ serverUrl: OTHER });
    const route = granted(trial, SERVER);
    activate(trial.db, { mode: 'TEAMSPACE', routeId: route.id }, 1);
    expect(await find(trial)).toMatchObject({
      authority: { resolvedServerUrl: SERVER },
      route: { id: route.id },
    });
  });

  it('sends nothing when the stored word is no mode', async () => {
    const trial = ledgerTrial();
    activate(trial.db, { mode: 'SOMETHING_NEWER', routeId: null }, 1);
    expect(await find(trial)).toMatchObject({
      mode: null,
      source: 'project',
      endpoint: null,
      route: null,
    });
  });

  it('keeps unprotected HTTP where it was allowed, and nowhere else', async () => {
    const trial = ledgerTrial();
    const plain = 'http://plain.example';
    const route = granted(trial, plain, { allowHttp: true });
    activate(trial.db, { mode: 'TEAMSPACE', routeId: route.id }, 1);
    expect((await find(trial)).route?.id).toBe(route.id);
    const other = await configured({ serverUrl: plain });
    expect((await lateRefusal(find(other))).code).toBe('insecure_url');
  });
});

describe('the environment and a flag', () => {
  it('send a process elsewhere, where it has a route only if somebody granted it', async () => {
    const trial = ledgerTrial({ SPEC_KITTY_SAAS_URL: OTHER });
    const route = granted(trial, SERVER);
    activate(trial.db, { mode: 'TEAMSPACE', routeId: route.id }, 1);
    const there = await find(trial);
    expect(there).toMatchObject({ endpoint: { canonicalUrl: OTHER }, route: null });
    expect(there.authority.overrideMode).toBe('process_override');
    const flagged = await find(trial, SERVER);
    expect(flagged.route?.id).toBe(route.id);
    const elsewhere = granted(trial, OTHER);
    expect((await find(trial)).route?.id).toBe(elsewhere.id);
  });

  it('refuse a command that writes configuration while they disagree with it', async () => {
    const trial = await configured({ serverUrl: SERVER }, { SPEC_KITTY_SAAS_URL: OTHER });
    const finding = findDestination(trial.home, trial.db, { processWideOverride: false });
    expect((await lateRefusal(finding)).code).toBe('split_brain');
  });
});

describe('of several permissions at one server', () => {
  it('is that of whoever is logged in, else the unclaimed one, never another account’s', async () => {
    const trial = await configured({ serverUrl: SERVER });
    const bob = granted(trial, SERVER, { team: 'acme', user: 'bob@example.com' });
    const login = { kind: 'machine', ...ALICE } as const;
    await saveSession(trial.home, SERVER, login, { token: 'token', refresh: null });
    expect((await find(trial)).route).toBeNull();
    const unclaimed = granted(trial, SERVER);
    expect((await find(trial)).route?.id).toBe(unclaimed.id);
    const alice = granted(trial, SERVER, ALICE);
    expect((await find(trial)).route?.id).toBe(alice.id);
    expect(bob.id).not.toBe(alice.id);
  });

  it('is the active one, else one that stands, while nobody is logged in', async () => {
    const trial = await configured({ serverUrl: SERVER });
    const [alice, bob] = [
      granted(trial, SERVER, ALICE),
      granted(trial, SERVER, { team: 'acme', user: 'bob@example.com' }),
    ];
    expect((await find(trial)).route?.id).toBe(alice.id);
    activate(trial.db, { mode: 'TEAMSPACE', routeId: bob.id }, 1);
    expect((await find(trial)).route?.id).toBe(bob.id);
    const after = { by: 'test', now: 1, streams: STREAMS };
    for (const route of [alice, bob]) revoke(trial.db, { routeId: route.id, ...after });
    activate(trial.db, { mode: 'TEAMSPACE', routeId: null }, 2);
    expect((await find(trial)).route).toBeNull();
  });
});
