import { expect, it } from 'vitest';
import { type LoginTrial, PASSWORD, startLoginTrial } from '../../../test/support/login-trial.ts';
import { everyDatabase } from '../../../test/support/postgres.ts';
import { bearer, envelope, PROJECT, send } from '../../../test/support/receiver-trial.ts';
import {
  inviteAgain,
  listProjects,
  readAudit,
  rotateSigningKey,
  setAccount,
} from '../identity/administration.ts';
import { removeTeamMember, setTeamMember } from '../identity/membership.ts';

const ANN = 'ann@kitty.example';
const BEN = 'ben@kitty.example';
const MINUTE = 60_000;

async function refresh(trial: LoginTrial, token: string, nonce?: string) {
  return trial.post('/api/v1/token/refresh/', { refresh: token, client_nonce: nonce });
}

async function exchange(trial: LoginTrial, token: string, nonce?: string) {
  return trial.form('/oauth/token', {
    grant_type: 'refresh_token',
    client_id: 'cli_native',
    refresh_token: token,
    ...(nonce === undefined ? {} : { client_nonce: nonce }),
  });
}

it('logs in with a password, says who one is, and sends to the private teamspace', async () => {
  const trial = await startLoginTrial();
  await trial.person(ANN, { harbour: 'member' });
  const reply = await trial.post('/api/v1/token/', {
    username: ' ANN@Kitty.example',
    password: PASSWORD,
  });
  expect(reply.status).toBe(200);
  expect(reply.json).toMatchObject({ access_lifetime: 900, refresh_lifetime: 604_800 });
  expect(reply.headers.get('cache-control')).toBe('no-store');
  const access = String(reply.json['access']);
  const me = await trial.get('/api/v1/me', access);
  expect(me.json).toMatchObject({
    email: ANN,
    name: ANN,
    session_id: reply.json['session_id'],
    auth_flow: 'password',
    team_id: reply.json['team_slug'],
    teams: [
      { id: reply.json['team_slug'], name: ANN, role: 'owner', is_private_teamspace: true },
      { name: 'harbour', role: 'member', is_private_teamspace: false },
    ],
  });
  expect(
    Date.parse(String(me.json['access_token_expires_at'])) - trial.clock.now(),
  ).toBeGreaterThan(890_000);
  expect((await trial.get('/api/v1/session-status', access)).json).toEqual({
    session_id: reply.json['session_id'],
  });
  expect(await send(trial, [envelope(1)], bearer(access))).toMatchObject([{ status: 'success' }]);
  expect(await listProjects(trial.store, ANN)).toMatchObject([{ id: PROJECT, claimedBy: ANN }]);
  expect(await listProjects(trial.store, null)).toEqual([]);
  expect((await trial.get('/api/v1/sync/health/', access)).json['identity']).toEqual({
    team: reply.json['team_slug'],
    user: ANN,
  });
});

it('asks everybody for a token as soon as somebody has an account', async () => {
  const trial = await startLoginTrial();
  expect((await trial.get('/api/v1/events/')).status).toBe(200);
  await trial.person(ANN);
  expect((await trial.get('/api/v1/events/')).status).toBe(401);
});

it('gives one answer for wrong passwords, unknown accounts, foreign teams and disabled users', async () => {
  const trial = await startLoginTrial();
  await trial.person(ANN);
  await trial.person(BEN);
  await setAccount(trial.identity, BEN, false);
  const tries = [
    { username: ANN, password: 'not the password' },
    { username: 'nobody@kitty.example', password: PASSWORD },
    { username: 'no address', password: PASSWORD },
    { username: ANN, password: PASSWORD, team: 'local' },
    { username: BEN, password: PASSWORD },
  ];
  const answers = [];
  for (const each of tries) {
    const { status, json } = await trial.post('/api/v1/token/', each);
    answers.push(JSON.stringify([status, json]));
  }
  expect(new Set(answers).size).toBe(1);
  expect(answers[0]).toMatch(/^\[401,\{"error":"Invalid credentials"/);
  expect((await trial.post('/api/v1/token/', { username: ANN })).status).toBe(400);
  await setAccount(trial.identity, BEN, true);
  expect((await trial.login(BEN)).access).toMatch(/^eyJ/);
});

it('rotates refresh tokens, each for one use', async () => {
  const trial = await startLoginTrial();
  await trial.person(ANN);
  const first = await trial.login(ANN);
  const second = await refresh(trial, first.refresh);
  expect(second.status).toBe(200);
  expect(second.json['refresh']).not.toBe(first.refresh);
  expect(second.json['session_id']).toBe(first.session_id);
  const third = await exchange(trial, String(second.json['refresh']));
  expect(third.json).toMatchObject({
    token_type: 'Bearer',
    expires_in: 900,
    scope: 'offline_access',
    session_id: first.session_id,
    generation: 3,
  });
  expect((await trial.get('/api/v1/me', String(third.json['access_token']))).status).toBe(200);
});

it.each([
  ['with another nonce', 0, 'mine', 'theirs'],
  ['without the nonce', 0, 'mine', undefined],
  ['with a nonce where there was none', 0, undefined, 'theirs'],
  ['after ten seconds', 10_001, 'mine', 'mine'],
])('ends the whole login when a token is used again %s', async (_when, ms, nonce, again) => {
  const trial = await startLoginTrial();
  await trial.person(ANN);
  const login = await trial.login(ANN);
  const other = await trial.login(ANN);
  const next = await refresh(trial, login.refresh, nonce);
  trial.clock.move(ms);
  const reused = await exchange(trial, login.refresh, again);
  expect([reused.status, reused.json['error']]).toEqual([400, 'session_invalid']);
  expect((await refresh(trial, String(next.json['refresh']), nonce)).status).toBe(401);
  for (const access of [login.access, String(next.json['access'])]) {
    expect((await trial.get('/api/v1/me', access)).status).toBe(401);
  }
  expect((await trial.get('/api/v1/me', other.access)).status).toBe(200);
  const { entries } = await readAudit(trial.store, 1);
  expect(entries).toMatchObject([{ action: 'refresh.reused', subject: login.session_id }]);
});

it.each([[undefined], ['one client']])(
  'tells the loser of a race to take the winner’s tokens (nonce %s)',
  async (nonce) => {
    const trial = await startLoginTrial();
    await trial.person(ANN);
    const login = await trial.login(ANN);
    const winner = await refresh(trial, login.refresh, nonce);
    trial.clock.move(10_000);
    for (const loser of [
      await exchange(trial, login.refresh, nonce),
      await refresh(trial, login.refresh, nonce),
    ]) {
      expect(loser.status).toBe(409);
      expect(loser.json).toMatchObject({ error: 'refresh_replay_benign_retry', retry_after: 1 });
      expect(JSON.stringify(loser.json)).not.toMatch(/eyJ|skr_/);
    }
    expect((await refresh(trial, String(winner.json['refresh']), nonce)).status).toBe(200);
  },
);

it('forgets a login that nobody refreshed for a week, and any after ninety days', async () => {
  const trial = await startLoginTrial();
  await trial.person(ANN);
  const idle = await trial.login(ANN);
  let busy = (await trial.login(ANN)).refresh;
  const day = 24 * 60 * MINUTE;
  for (let week = 0; week < 14; week += 1) {
    trial.clock.move(6.9 * day);
    const reply = await exchange(trial, busy);
    if (week < 13) busy = String(reply.json['refresh_token']);
    else expect(reply.json['error']).toBe('session_invalid');
  }
  expect((await exchange(trial, idle.refresh)).json['error']).toBe('invalid_grant');
  expect((await exchange(trial, 'skr_made-up')).json['error']).toBe('invalid_grant');
  await trial.login(ANN);
  const rows = await trial.store.driver.all('SELECT session_id FROM sessions');
  const tokens = await trial.store.driver.all('SELECT session_id FROM refresh_tokens');
  expect([rows.length, tokens.length]).toEqual([1, 1]);
});

it('lets whoever is removed, demoted, disabled or logged out do nothing from the next request on', async () => {
  const trial = await startLoginTrial();
  await trial.person(ANN, { harbour: 'owner' });
  await trial.person(BEN, { harbour: 'member' });
  const post = async (token: string): Promise<number> =>
    (await trial.get('/api/v1/events/', token)).status;
  const login = await trial.login(BEN, 'harbour');
  expect(await send(trial, [envelope(1)], bearer(login.access))).toMatchObject([
    { status: 'success' },
  ]);
  await setTeamMember(trial.identity, { team: 'harbour', email: BEN, role: 'read-only' });
  await expect(send(trial, [envelope(2)], bearer(login.access))).rejects.toThrow('scope_refused');
  expect(await post(login.access)).toBe(200);
  await removeTeamMember(trial.identity, { team: 'harbour', email: BEN });
  expect(await post(login.access)).toBe(401);
  expect((await exchange(trial, login.refresh)).json['error']).toBe('session_invalid');
  const own = await trial.login(BEN);
  await setAccount(trial.identity, BEN, false);
  expect(await post(own.access)).toBe(401);
  await setAccount(trial.identity, BEN, true);
  expect(await post(own.access)).toBe(401);
  const again = await trial.login(BEN);
  const revoked = await trial.form('/oauth/revoke', {
    token: again.refresh,
    token_type_hint: 'refresh_token',
  });
  expect([revoked.status, revoked.json]).toMatchObject([200, { revoked: true }]);
  expect(await post(again.access)).toBe(401);
  expect((await trial.form('/oauth/revoke', { token: 'skr_unknown' })).json).toMatchObject({
    revoked: true,
  });
  const last = await trial.login(BEN);
  const { code } = await inviteAgain(trial.identity, BEN);
  expect(await post(last.access)).toBe(200);
  expect((await trial.page('/setup', { code, password: 'another good password' })).status).toBe(
    200,
  );
  expect(await post(last.access)).toBe(401);
});

it('believes tokens of a retired key until they have expired', async () => {
  const trial = await startLoginTrial();
  await trial.person(ANN);
  const before = await trial.login(ANN);
  await rotateSigningKey(trial.identity);
  const after = await trial.login(ANN);
  expect(before.access.split('.')[0]).not.toBe(after.access.split('.')[0]);
  trial.clock.move(14 * MINUTE);
  expect((await trial.get('/api/v1/me', before.access)).status).toBe(200);
  expect((await trial.get('/api/v1/me', after.access)).status).toBe(200);
  trial.clock.move(3 * MINUTE);
  expect((await trial.get('/api/v1/me', before.access)).status).toBe(401);
});

it('limits guesses by account and address, whether there is such an account or not', async () => {
  const trial = await startLoginTrial();
  await trial.person(ANN);
  for (const username of [ANN, 'nobody@kitty.example']) {
    const statuses = new Map<number, number>();
    for (let count = 0; count < 500; count += 1) {
      const reply = await trial.post('/api/v1/token/', { username, password: `guess ${count}` });
      statuses.set(reply.status, (statuses.get(reply.status) ?? 0) + 1);
      if (reply.status === 429) {
        expect(reply.headers.get('retry-after')).toBe('900');
        expect(reply.json).toMatchObject({ error_code: 'rate_limited', retry_after: 900 });
      }
    }
    expect([...statuses]).toEqual([
      [401, 5],
      [429, 495],
    ]);
  }
  expect((await trial.post('/api/v1/token/', { username: ANN, password: PASSWORD })).status).toBe(
    429,
  );
  trial.clock.move(15 * MINUTE);
  expect((await trial.login(ANN)).access).toMatch(/^eyJ/);
}, 120_000);

it('reads a form or an object of the named members and nothing else', async () => {
  const trial = await startLoginTrial();
  await trial.person(ANN);
  const sneaky = {
    username: ANN,
    password: PASSWORD,
    team_id: 'local',
    role: 'owner',
    user_id: 'x',
    is_admin: true,
    rights: ['manage'],
  };
  const { json } = await trial.post('/api/v1/token/', sneaky);
  const me = await trial.get('/api/v1/me', String(json['access']));
  expect(me.json['teams']).toMatchObject([{ name: ANN }]);
  expect(me.json['team_id']).not.toBe('local');
  const bad = [
    await trial.post('/oauth/token', {}),
    await trial.form('/oauth/token', { grant_type: 'password', client_id: 'cli_native' }),
    await trial.form('/oauth/token', { grant_type: 'refresh_token', client_id: 'other' }),
    await trial.form('/oauth/token', { padding: 'x'.repeat(9_000) }),
    await trial.form('/api/v1/token/', { username: ANN, password: PASSWORD }),
    await trial.post('/api/v1/token/refresh/', { refresh: 'x', client_nonce: 'n'.repeat(129) }),
  ];
  expect(bad.map(({ status, json: body }) => [status, body['error_code']])).toEqual([
    [415, 'unsupported_media_type'],
    [400, 'unsupported_grant_type'],
    [400, 'invalid_client'],
    [413, 'request_too_large'],
    [400, 'bad_request'],
    [400, 'bad_request'],
  ]);
});

const PLACES = await everyDatabase();

it.each(PLACES)('lets one of eight win at the same moment, on %s', async (_on, placeOf) => {
  const trial = await startLoginTrial(await placeOf());
  await trial.person(ANN);
  let token = (await trial.login(ANN)).refresh;
  for (let round = 0; round < 10; round += 1) {
    const tries = Array.from({ length: 8 }, () => refresh(trial, token, 'one client'));
    const replies = await Promise.all(tries);
    const won = replies.filter(({ status }) => status === 200);
    expect([won.length, replies.filter(({ status }) => status === 409).length]).toEqual([1, 7]);
    token = String(won[0]?.json['refresh']);
  }
  expect((await refresh(trial, token, 'one client')).status).toBe(200);
  expect((await refresh(trial, token, 'a thief')).status).toBe(401);
  const { entries, brokenAt } = await readAudit(trial.store, 1);
  expect(entries).toMatchObject([{ action: 'refresh.reused' }]);
  expect(brokenAt).toBeNull();
});
