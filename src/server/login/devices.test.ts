import { expect, it } from 'vitest';
import {
  type LoginTrial,
  ORIGIN,
  PASSWORD,
  startLoginTrial,
} from '../../../test/support/login-trial.ts';
import type { Reply } from '../../../test/support/receiver-trial.ts';
import { readAudit } from '../identity/administration.ts';
import { parseUserCode } from './device-grants.ts';

const ANN = 'ann@kitty.example';

interface Waiting {
  readonly device_code: string;
  readonly user_code: string;
}

async function start(trial: LoginTrial, headers = {}): Promise<Waiting & Reply['json']> {
  const reply = await trial.form(
    '/oauth/device',
    {
      client_id: 'cli_native',
      scope: 'offline_access',
    },
    headers,
  );
  expect(reply.status).toBe(200);
  return reply.json as unknown as Waiting & Reply['json'];
}

async function poll(trial: LoginTrial, deviceCode: string): Promise<Reply> {
  return trial.form('/oauth/token', {
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    client_id: 'cli_native',
    device_code: deviceCode,
  });
}

/** A browser in which Ann is logged in. */
async function enter(
  trial: LoginTrial,
): Promise<{ readonly cookie: string; readonly key: string }> {
  const { status, cookie, headers } = await trial.page('/login', {
    username: ANN,
    password: PASSWORD,
    next: '/device?user_code=BCDF-GHJK',
  });
  expect([status, headers.get('location')]).toEqual([303, '/device?user_code=BCDF-GHJK']);
  const { text } = await trial.page('/device', null, { cookie });
  return { cookie, key: /name="form_key" value="([0-9a-f]{64})"/.exec(text)?.[1] ?? '' };
}

async function decide(
  trial: LoginTrial,
  fields: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
) {
  const { cookie, key } = await enter(trial);
  const body = { form_key: key, decision: 'approve', team: ANN, ...fields };
  return trial.page('/device', body, { cookie, ...headers });
}

it('lets a device in that a person approves in a browser, for the team they choose', async () => {
  const trial = await startLoginTrial();
  await trial.person(ANN, { harbour: 'member' });
  const waiting = await start(trial);
  expect(waiting).toMatchObject({
    user_code: expect.stringMatching(/^[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}$/) as string,
    verification_uri: `${ORIGIN}/device`,
    verification_uri_complete: `${ORIGIN}/device?user_code=${waiting.user_code}`,
    expires_in: 900,
    interval: 5,
  });
  const pending = await poll(trial, waiting.device_code);
  expect([pending.status, pending.json['error']]).toEqual([400, 'authorization_pending']);
  const unknown = await trial.page(`/device?user_code=${waiting.user_code}`);
  expect([unknown.status, unknown.headers.get('location')]).toEqual([
    303,
    `/login?next=${encodeURIComponent(`/device?user_code=${waiting.user_code}`)}`,
  ]);
  const { cookie } = await enter(trial);
  const asked = await trial.page(`/device?user_code=${waiting.user_code}`, null, { cookie });
  expect(asked.text).toContain(`value="${waiting.user_code}"`);
  expect(asked.text).not.toMatch(/<script/i);
  const team = /<option value="(\w+)">harbour \(member\)/.exec(asked.text)?.[1] ?? '';
  const typed = waiting.user_code.toLowerCase().replace('-', ' ');
  expect((await decide(trial, { user_code: typed, team })).text).toContain('It is in');
  trial.clock.move(5_000);
  const done = await poll(trial, waiting.device_code);
  expect([done.status, done.json]).toMatchObject([200, { team_id: team, generation: 1 }]);
  const me = await trial.get('/api/v1/me', String(done.json['access_token']));
  expect(me.json).toMatchObject({ email: ANN, auth_flow: 'device_code', team_id: team });
  expect((await poll(trial, waiting.device_code)).json['error']).toBe('invalid_grant');
  const { entries, brokenAt } = await readAudit(trial.store, 1);
  expect(entries).toMatchObject([{ action: 'device.approved', actor: ANN, teamId: team }]);
  expect(brokenAt).toBeNull();
});

it('tells a device to slow down, that it was turned down, that it is too late, or that nobody knows it', async () => {
  const trial = await startLoginTrial();
  await trial.person(ANN);
  const one = await start(trial);
  const errors: unknown[] = [];
  const ask = async (code: string, ms: number): Promise<void> => {
    trial.clock.move(ms);
    errors.push((await poll(trial, code)).json['error']);
  };
  await ask(one.device_code, 0);
  await ask(one.device_code, 4_999);
  await ask(one.device_code, 9_999);
  await ask(one.device_code, 10_000);
  expect((await decide(trial, { user_code: one.user_code, decision: 'deny' })).text).toContain(
    'Turned away',
  );
  await ask(one.device_code, 10_000);
  const two = await start(trial);
  await ask(two.device_code, 900_000);
  await ask('skd_unknown', 0);
  expect(errors).toEqual([
    'authorization_pending',
    'slow_down',
    'slow_down',
    'authorization_pending',
    'access_denied',
    'expired_token',
    'invalid_grant',
  ]);
  const late = await decide(trial, { user_code: two.user_code });
  expect([late.status, late.text.includes('No device waits')]).toEqual([400, true]);
});

it('takes no decision that another site, another login or a stranger sends', async () => {
  const trial = await startLoginTrial();
  await trial.person(ANN);
  const { device_code: device, user_code: code } = await start(trial);
  const foreign: readonly Readonly<Record<string, string>>[] = [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ];
  for (const headers of foreign) {
    expect((await decide(trial, { user_code: code }, headers)).status).toBe(403);
  }
  expect((await decide(trial, { user_code: code, form_key: '0'.repeat(64) })).status).toBe(403);
  expect((await decide(trial, { user_code: code, form_key: '' })).status).toBe(403);
  expect((await decide(trial, { user_code: code, team: 'local' })).status).toBe(400);
  const stranger = await decide(trial, { user_code: code }, { cookie: 'receiver_session=skb_no' });
  expect(stranger.headers.get('location')).toBe('/login?next=%2Fdevice');
  expect((await poll(trial, device)).json['error']).toBe('authorization_pending');
});

it('limits guesses of codes, and the number of devices that wait', async () => {
  const trial = await startLoginTrial();
  await trial.person(ANN);
  const { cookie, key } = await enter(trial);
  const statuses: number[] = [];
  for (let count = 0; count < 8; count += 1) {
    const body = { form_key: key, decision: 'approve', team: ANN, user_code: 'BBBB-BBBB' };
    statuses.push((await trial.page('/device', body, { cookie, accept: 'text/html' })).status);
  }
  expect(statuses).toEqual([400, 400, 400, 400, 400, 429, 429, 429]);
  for (let count = 0; count < 60; count += 1) await start(trial);
  const greedy = await trial.form('/oauth/device', { client_id: 'cli_native' });
  expect([greedy.status, greedy.json['error_code']]).toEqual([429, 'rate_limited']);
  for (let count = 60; count < 1_000; count += 1) {
    await start(trial, { 'x-forwarded-for': `203.0.113.${count % 200}` });
  }
  const elsewhere = { 'x-forwarded-for': '198.51.100.1' };
  const full = await trial.form('/oauth/device', { client_id: 'cli_native' }, elsewhere);
  expect([full.status, full.json['error']]).toEqual([503, 'temporarily_unavailable']);
  trial.clock.move(1_800_000);
  await start(trial);
}, 120_000);

it('logs a browser out, and keeps its pages to itself', async () => {
  const trial = await startLoginTrial();
  await trial.person(ANN);
  const { cookie, key } = await enter(trial);
  const wrong = await trial.page('/login', { username: ANN, password: 'no' });
  expect([wrong.status, wrong.text.includes('Email or password is wrong.')]).toEqual([401, true]);
  expect((await trial.page('/logout', {}, { cookie })).status).toBe(403);
  const left = await trial.page('/logout', { form_key: key }, { cookie });
  expect([left.status, left.headers.get('set-cookie')]).toMatchObject([
    303,
    'receiver_session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0',
  ]);
  expect((await trial.page('/device', null, { cookie })).status).toBe(303);
  for (const next of [
    'https://evil.example',
    '//evil.example',
    '/\\evil.example',
    'javascript:1',
  ]) {
    const reply = await trial.page('/login', { username: ANN, password: PASSWORD, next });
    expect(reply.headers.get('location')).toBe('/');
  }
  const login = await trial.page('/login');
  const policy = login.headers.get('content-security-policy') ?? '';
  expect(policy).toMatch(
    /^default-src 'none'; style-src 'sha256-[\w+/=]+'; form-action 'self'; frame-ancestors 'none'/,
  );
  expect(login.headers.get('cache-control')).toBe('no-store');
  const hostile = await trial.page('/login?next=%22%3E%3Cscript%3E');
  expect(hostile.text).not.toMatch(/<script|">"/);
});

it('uses each link once, and a first account only where there is none', async () => {
  const trial = await startLoginTrial();
  const { firstLink } = await import('./setup.ts');
  const older = await firstLink(trial.identity);
  const code = await firstLink(trial.identity);
  const chosen = { email: ANN, name: 'Ann <b>', password: PASSWORD };
  expect((await trial.page(`/setup?code=${older}`)).status).toBe(404);
  expect((await trial.page(`/setup?code=${code}`)).text).toContain('First account');
  const tooShort = await trial.page('/setup', { ...chosen, code: code ?? '', password: 'short' });
  expect([tooShort.status, tooShort.text.includes('12 to 256 characters')]).toEqual([400, true]);
  const noEmail = await trial.page('/setup', { ...chosen, code: code ?? '', email: 'ann' });
  expect(noEmail.text).toContain('no email address');
  const done = await trial.page('/setup', { ...chosen, code: code ?? '' });
  expect([done.status, done.cookie.startsWith('receiver_session=skb_')]).toEqual([200, true]);
  expect((await trial.page('/setup', { ...chosen, code: code ?? '' })).status).toBe(404);
  expect(await firstLink(trial.identity)).toBeNull();
  const login = await trial.login(ANN, 'local');
  expect((await trial.get('/api/v1/me', login.access)).json).toMatchObject({
    name: 'Ann <b>',
    teams: [{ is_private_teamspace: true }, { id: 'local', role: 'owner' }],
  });
});

it('ends the link of the first run after an hour', async () => {
  const trial = await startLoginTrial();
  const { firstLink } = await import('./setup.ts');
  const code = await firstLink(trial.identity);
  trial.clock.move(3_600_000);
  expect((await trial.page(`/setup?code=${code}`)).status).toBe(404);
  const late = await trial.page('/setup', { code: code ?? '', email: ANN, password: PASSWORD });
  expect(late.status).toBe(404);
});

it('reads a code as people type it', () => {
  expect(['bcdf-ghjk', ' BCDF GHJK ', 'BCDFGHJK'].map(parseUserCode)).toEqual(
    Array(3).fill('BCDFGHJK'),
  );
  expect(['ABCD-EFGH', 'BCDF', '', 'BCDFGHJKL'].map(parseUserCode)).toEqual(Array(4).fill(null));
});
