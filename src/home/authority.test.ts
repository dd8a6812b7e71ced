import { describe, expect, it } from 'vitest';
import { sha256Hex } from '../base/index.ts';
import {
  composeScope,
  resolveSyncTarget,
  targetToWire,
  type ResolvedSyncTarget,
  type SyncTargetFacts,
} from './authority.ts';

function resolve(facts: Partial<SyncTargetFacts>): ResolvedSyncTarget {
  return resolveSyncTarget({
    configuredServerUrl: null,
    envServerUrl: null,
    userId: null,
    teamSlug: null,
    cachedScope: null,
    processWideOverride: true,
    root: '/root',
    ...facts,
  });
}

const A = 'https://a.example';
const B = 'https://b.example';
const C = 'https://c.example';

describe('which server', () => {
  it.each([
    [null, null, null, null, 'none'],
    [A, null, null, A, 'none'],
    [null, B, null, B, 'none'],
    [A, A, null, A, 'none'],
    [A, ` ${A}// `, null, A, 'none'],
    [A, B, null, B, 'process_override'],
    [A, null, C, C, 'process_override'],
    [A, B, C, C, 'process_override'],
    [null, B, C, C, 'none'],
    [A, 'HTTPS://A.example', null, 'HTTPS://A.example', 'process_override'],
    ['  ', ' / ', null, null, 'none'],
  ])('config %s, env %s, flag %s: %s (%s)', (...[config, env, flag, resolved, mode]) => {
    const target = resolve({ configuredServerUrl: config, envServerUrl: env, flagServerUrl: flag });
    expect(target.resolvedServerUrl).toBe(resolved);
    expect(target.overrideMode).toBe(mode);
    expect(target.configuredServerUrl).toBe(config);
  });

  it.each([
    [A, B, null],
    [A, B, A],
    [null, B, C],
  ])('is not written about with config %s, env %s, flag %s', (config, env, flag) => {
    const facts = { configuredServerUrl: config, envServerUrl: env, flagServerUrl: flag };
    expect(() => resolve({ ...facts, processWideOverride: false })).toThrow(
      expect.objectContaining({
        code: 'split_brain',
        message: `SPEC_KITTY_SAAS_URL names ${env}, this command would work on ${flag ?? config}; nothing was changed`,
        remedy: 'unset SPEC_KITTY_SAAS_URL',
        exitCode: 2,
      }) as Error,
    );
  });

  it.each([
    [A, B, B, B],
    [A, A, null, A],
    [null, B, null, B],
    [A, null, C, C],
    [A, null, null, A],
  ])('may be written about with config %s, env %s, flag %s', (config, env, flag, resolved) => {
    const facts = { configuredServerUrl: config, envServerUrl: env, flagServerUrl: flag };
    const target = resolve({ ...facts, processWideOverride: false });
    expect(target.resolvedServerUrl).toBe(resolved);
  });

  it('calls a flag that replaces the file while writing it setup_only', () => {
    const target = resolve({
      configuredServerUrl: A,
      flagServerUrl: C,
      processWideOverride: false,
    });
    expect(target.overrideMode).toBe('setup_only');
  });
});

describe('queue scopes', () => {
  const long = 'https://spec-kitty-dev.fly.dev';
  const team = '9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d';
  it.each([
    [long, 'alice@example.com', 'acme', `${long}|alice@example.com|acme`, 'f21f9f4901b34b90'],
    [
      ' HTTPS://Team.Example.com:443/ ',
      'Bob.Builder@Example.COM',
      'Team_ALPHA-1',
      'https://team.example.com:443|bob.builder@example.com|team_alpha-1',
      'b3c3282f41e258fe',
    ],
    [
      'https://Spec-Kitty-Dev.fly.dev/',
      ' Alice@Example.COM ',
      'no-team',
      `${long}|alice@example.com|no-team`,
      'ce692ad894e7cee2',
    ],
    [long, 'carol@example.org', team, `${long}|carol@example.org|${team}`, 'f104be52417744bf'],
    [long, null, null, `${long}||`, '73e153ff99be9a95'],
    [
      'https://xn--mnchen-3ya.example/api/',
      'jörg@example.com',
      'équipe',
      'https://xn--mnchen-3ya.example/api|j_u00f6_rg@example.com|_u00e9_quipe',
      'ef4f710bab0bb87c',
    ],
  ])('%s, %s, %s', (...[server, user, teamSlug, scope, digest]) => {
    const target = resolve({ configuredServerUrl: server, userId: user, teamSlug });
    expect(target.derivedQueueScope).toBe(scope);
    expect(target.queueDbPath).toBe(`/root/queues/queue-${digest}.db`);
  });

  it('composes the raw scope of the earlier queues, too', () => {
    const raw = composeScope('https://xn--mnchen-3ya.example/api/', 'jörg@example.com', 'équipe');
    expect(sha256Hex(raw).slice(0, 16)).toBe('d4915656aa7e2fb1');
  });

  it('gives an accented identity one scope in any case, in ASCII', () => {
    const scopes = ['ÉQUIPE-ŞİRİN', 'équipe-şi̇ri̇n'].map(
      (teamSlug) =>
        resolve({ configuredServerUrl: A, userId: 'Zoë@x.example', teamSlug }).derivedQueueScope,
    );
    expect(scopes[0]).toBe(scopes[1]);
    expect(scopes[0]).toMatch(/^[\x20-\x7e]+$/);
  });

  it('compares the cached scope and never uses it', () => {
    const statusOf = (cachedScope: string | null, server: string | null = A): string =>
      resolve({ configuredServerUrl: server, userId: 'u', teamSlug: 't', cachedScope })
        .activeQueueScopeStatus;
    expect(statusOf(null)).toBe('absent');
    expect(statusOf(' \n')).toBe('absent');
    expect(statusOf(`${A}|u|t\n`)).toBe('matches');
    expect(statusOf(`${B}|u|t`)).toBe('stale_non_authoritative');
    expect(statusOf(`${A}|u|t`, null)).toBe('stale_non_authoritative');
    expect(statusOf(null, null)).toBe('absent');
  });

  it('has neither scope nor path without a server', () => {
    const target = resolve({ userId: 'u', teamSlug: 't' });
    expect(target.derivedQueueScope).toBeNull();
    expect(target.queueDbPath).toBeNull();
  });
});

describe('targetToWire', () => {
  it('has the nine fields of the contract', () => {
    const target = resolve({ configuredServerUrl: A, envServerUrl: B, userId: 'u', teamSlug: 't' });
    const scope = `${B}|u|t`;
    expect(targetToWire(target)).toEqual({
      configured_server_url: A,
      env_server_url: B,
      override_mode: 'process_override',
      resolved_server_url: B,
      user_id: 'u',
      team_slug: 't',
      derived_queue_scope: scope,
      queue_db_path: `/root/queues/queue-${sha256Hex(scope).slice(0, 16)}.db`,
      active_queue_scope_status: 'absent',
    });
  });

  it('shows no password that somebody wrote into a URL', () => {
    const secret = 'https://user:hunter2|x@a.example';
    const wire = targetToWire(
      resolve({ configuredServerUrl: secret, envServerUrl: `${secret}/b` }),
    );
    expect(JSON.stringify(wire)).not.toContain('hunter2');
    const writing = { configuredServerUrl: A, envServerUrl: secret, processWideOverride: false };
    expect(() => resolve(writing)).toThrow(expect.not.stringContaining('hunter2') as string);
    expect(targetToWire(resolve({}))['resolved_server_url']).toBeNull();
  });
});
