import { describe, expect, it } from 'vitest';
import { ledgerTrial, STREAMS, type LedgerTrial } from '../../test/support/ledger-trial.ts';
import { refusal } from '../../test/support/refusal.ts';
import { urlHash } from '../base/index.ts';
import { parseEndpoint } from '../receivers/index.ts';
import type { Health } from '../wire/index.ts';
import { listRoutes } from './routes.ts';
import { claimRoutes, grant } from './grants.ts';
import {
  findTarget,
  headersOf,
  healthUrlOf,
  listTargets,
  originOf,
  recordHealth,
  registerTarget,
  setHeaders,
  targetPublicId,
  type Target,
} from './targets.ts';

const ALICE = { team: 'acme', user: 'alice@example.com' };

interface Naming {
  readonly kind?: 'teamspace' | 'external';
  readonly team?: string;
  readonly user?: string;
  readonly allowHttp?: boolean;
}

function register(trial: LedgerTrial, text: string, naming: Naming = {}): Target {
  const { kind = 'external', team = '', user = '', allowHttp = false } = naming;
  const endpoint = parseEndpoint(text, { kind, allowHttp, cwd: '/work/dir' });
  return registerTarget(trial.db, endpoint, { team, user, allowHttp, now: trial.clock.now() });
}

function health(more: Partial<Health> = {}): Health {
  return {
    serverInstanceId: null,
    deploymentId: null,
    environmentName: null,
    gitSha: null,
    limits: {},
    capabilities: { brotli: false, bodies: false, snapshots: false },
    identity: null,
    ...more,
  };
}

describe('a target', () => {
  it('is one place however its URL is spelled, for one team and user', () => {
    const trial = ledgerTrial();
    const first = register(trial, 'https://Host.Example/');
    expect(register(trial, 'https://host.example:443').id).toBe(first.id);
    expect(register(trial, 'https://host.example/api/v1/events/batch/').id).toBe(first.id);
    expect(register(trial, 'https://host.example', { team: 'acme' }).id).not.toBe(first.id);
    expect(register(trial, 'https://host.example/other').id).not.toBe(first.id);
    expect(listTargets(trial.db)).toHaveLength(3);
  });

  it('posts where the operator said last', () => {
    const trial = ledgerTrial();
    register(trial, 'https://host.example');
    const again = register(trial, 'https://host.example/api/v1/events/batch');
    expect(again.postUrl).toBe('https://host.example/api/v1/events/batch');
    expect(again).toMatchObject({
      kind: 'external',
      canonicalUrl: 'https://host.example',
      team: '',
    });
    expect(register(trial, 'http://far.example', { allowHttp: true }).allowHttp).toBe(true);
  });

  it('is of the kind that it was named as last', () => {
    const trial = ledgerTrial();
    register(trial, 'https://host.example', { kind: 'teamspace' });
    expect(register(trial, 'https://host.example', { kind: 'external' }).kind).toBe('external');
    expect(register(trial, 'https://host.example', { kind: 'teamspace' }).kind).toBe('teamspace');
    expect(listTargets(trial.db)).toHaveLength(1);
  });

  it.each([
    ['https://spec-kitty-dev.fly.dev', ALICE, 'tgt_acme_d78c0607e4ae8cc68cb528928f423851'],
    [
      'https://spec-kitty-dev.fly.dev',
      { team: '', user: '' },
      'tgt_anon_3144cdf679d3502dff5c96e98e29dc9f',
    ],
  ])('of %s for %j is known as %s', (url, { team, user }, publicId) => {
    expect(targetPublicId(urlHash(url), team, user)).toBe(publicId);
  });

  it('shows its team with nothing but letters, digits and underscores', () => {
    expect(targetPublicId(urlHash('https://a.example'), 'équipe-1', '')).toMatch(
      /^tgt__quipe_1_[0-9a-f]{32}$/,
    );
  });

  it('is found by public id, by URL in any spelling, and as a stub by its file', () => {
    const trial = ledgerTrial();
    const target = register(trial, 'https://host.example');
    const stub = register(trial, 'stub:out.ndjson');
    expect(findTarget(trial.db, target.publicId, '/').id).toBe(target.id);
    expect(findTarget(trial.db, 'HTTPS://HOST.example/', '/').id).toBe(target.id);
    expect(findTarget(trial.db, 'stub:out.ndjson', '/work/dir').id).toBe(stub.id);
    expect(findTarget(trial.db, 'stub:/work/dir/out.ndjson', '/').id).toBe(stub.id);
  });

  it.each(['https://elsewhere.example', 'tgt_anon_0', 'not a url', 'http://far.example'])(
    'that this project does not have is refused: %s',
    (reference) => {
      const trial = ledgerTrial();
      register(trial, 'https://host.example');
      const error = refusal(() => findTarget(trial.db, reference, '/'));
      expect(error).toMatchObject({ code: 'target_unknown', remedy: 'spec-kitty sync targets' });
    },
  );

  it('that cannot be read for another reason than its text is no unknown target', () => {
    const trial = ledgerTrial();
    expect(() => findTarget(trial.db, 'stub:x', null as unknown as string)).toThrow(TypeError);
  });

  it('has a health address where its base is known, and an origin unless it is a file', () => {
    const trial = ledgerTrial();
    const base = register(trial, 'https://host.example/sync/api/v1/events/batch/');
    expect(healthUrlOf(base)).toBe('https://host.example/sync/api/v1/sync/health/');
    expect(originOf(base)).toBe('https://host.example');
    const verbatim = register(trial, 'https://hooks.example/in/42');
    expect(healthUrlOf(verbatim)).toBeNull();
    const stub = register(trial, 'stub:out.ndjson');
    expect([healthUrlOf(stub), originOf(stub)]).toEqual([null, null]);
    expect(originOf({ ...base, canonicalUrl: 'broken' })).toBeNull();
  });

  it('keeps what the receiver said of itself: names until it says others, limits as it says them now', () => {
    const trial = ledgerTrial();
    const target = register(trial, 'https://host.example');
    const said = health({
      serverInstanceId: 'one',
      limits: {
        maxEventsPerBatch: 10,
        maxDecompressedBytesPerBatch: 2_000,
        maxConcurrentBatches: 3,
      },
      capabilities: { brotli: true, bodies: false, snapshots: false },
    });
    recordHealth(trial.db, target.id, said, 5);
    expect(listTargets(trial.db)[0]).toMatchObject({
      instanceId: 'one',
      maxBatchEvents: 10,
      maxBatchBytes: 2_000,
      maxConcurrentBatches: 3,
      acceptsBrotli: true,
    });
    recordHealth(trial.db, target.id, health(), 6);
    expect(listTargets(trial.db)[0]).toMatchObject({
      instanceId: 'one',
      maxBatchEvents: null,
      maxBatchBytes: null,
      acceptsBrotli: false,
    });
  });

  it('has headers by the names of variables, replaced as a whole', () => {
    const trial = ledgerTrial();
    const { id } = register(trial, 'https://host.example');
    setHeaders(trial.db, id, [
      { name: 'X-Key', envVar: 'KEY' },
      { name: 'Authorization', envVar: 'TOKEN' },
    ]);
    expect(headersOf(trial.db, id)).toEqual([
      { name: 'Authorization', envVar: 'TOKEN' },
      { name: 'X-Key', envVar: 'KEY' },
    ]);
    setHeaders(trial.db, id, [
      { name: 'X-Key', envVar: 'OLD' },
      { name: 'X-Key', envVar: 'OTHER' },
    ]);
    expect(headersOf(trial.db, id)).toEqual([{ name: 'X-Key', envVar: 'OTHER' }]);
    setHeaders(trial.db, id, []);
    expect(headersOf(trial.db, id)).toEqual([]);
  });
});

describe('claimRoutes', () => {
  const origin = 'https://saas.example';

  function granted(trial: LedgerTrial, url: string, naming: Naming): Target {
    const target = register(trial, url, naming);
    const where = {
      checkoutId: trial.checkout,
      by: 'test',
      fromNow: false,
      now: 1,
      streams: STREAMS,
    };
    grant(trial.db, { targetId: target.id, ...where });
    return target;
  }

  function claim(trial: LedgerTrial, dryRun = false, owner = ALICE): number {
    return claimRoutes(trial.db, { origin, owner, now: 9, dryRun });
  }

  it('gives what nobody owns at this origin to the login, once, and keeps its history', () => {
    const trial = ledgerTrial();
    const mine = granted(trial, `${origin}/a`, { kind: 'teamspace' });
    granted(trial, 'https://other.example', { kind: 'teamspace' });
    granted(trial, `${origin}/b`, { kind: 'external' });
    granted(trial, `${origin}/c`, { kind: 'teamspace', team: 'others', user: 'bob' });
    expect(claim(trial, true)).toBe(1);
    expect(listTargets(trial.db)[0]).toMatchObject({ team: '', user: '' });
    expect(claim(trial)).toBe(1);
    expect(listTargets(trial.db)[0]).toMatchObject({
      ...ALICE,
      id: mine.id,
      publicId: targetPublicId(urlHash(`${origin}/a`), ALICE.team, ALICE.user),
    });
    expect(listRoutes(trial.db)[0]?.grantedAt).not.toBeNull();
    expect(claim(trial)).toBe(0);
    expect(trial.db.all(`SELECT detail FROM grant_log WHERE what = 'claimed'`)).toEqual([
      { detail: 'acme alice@example.com' },
    ]);
    expect(listTargets(trial.db).map((target) => target.team)).toEqual(['acme', '', '', 'others']);
  });

  it('gives nothing to a login without team and user', () => {
    const trial = ledgerTrial();
    granted(trial, origin, { kind: 'teamspace' });
    expect(claim(trial, false, { team: '', user: '' })).toBe(1);
    expect(listTargets(trial.db)[0]).toMatchObject({ team: '', user: '' });
  });

  it('leaves alone what the login has already in its own name', () => {
    const trial = ledgerTrial();
    granted(trial, origin, { kind: 'teamspace', ...ALICE });
    granted(trial, origin, { kind: 'teamspace' });
    expect(() => claim(trial)).not.toThrow();
    expect(listTargets(trial.db).map((target) => target.user)).toEqual([ALICE.user, '']);
  });
});
