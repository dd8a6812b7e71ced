import { readFileSync } from 'node:fs';
import http from 'node:http';
import { expect, it } from 'vitest';
import {
  bearer,
  envelope,
  eventId,
  HEALTH_URL,
  LIST_URL,
  listenTrial,
  OTHER_PROJECT,
  postRequest,
  PROJECT,
  replyOf,
  seededRandom,
  send,
  startTrial,
  type Trial,
} from '../../test/support/receiver-trial.ts';
import { createIds, UserError } from '../base/index.ts';
import { isLoopbackAddress, isLoopbackHost } from './auth.ts';
import { mintSecret } from './login/machine-tokens.ts';
import { createToken, listTokens, revokeToken } from './operator.ts';

async function get(trial: Trial, url: string, headers: Readonly<Record<string, string>> = {}) {
  return replyOf(trial.app.fetch(new Request(url, { headers })));
}

async function statusOf(trial: Trial, token: string): Promise<number> {
  return (await get(trial, HEALTH_URL, bearer(token))).status;
}

it('mints tokens that a scanner can check by themselves', () => {
  const secret = mintSecret(seededRandom(1));
  expect(secret.text).toMatch(/^skt_[0-9a-f]{64}$/);
  expect(secret.text.startsWith(secret.prefix)).toBe(true);
  expect(mintSecret(seededRandom(2)).text).not.toBe(secret.text);
});

it('serves this machine without tokens, and asks for one as soon as there is one', async () => {
  const trial = await startTrial();
  expect(await send(trial, [envelope(1)])).toMatchObject([{ status: 'success' }]);
  expect((await get(trial, LIST_URL)).status).toBe(200);
  const token = await trial.token();
  const refused = await replyOf(trial.app.fetch(postRequest([envelope(2)])));
  expect(refused.status).toBe(401);
  expect(refused.json).toMatchObject({
    error: 'authentication_required',
    error_code: 'authentication_required',
    server_instance_id: trial.store.instanceId,
  });
  expect(refused.headers.get('www-authenticate')).toBe('Bearer');
  expect((await get(trial, LIST_URL)).status).toBe(401);
  expect((await get(trial, 'http://localhost/elsewhere')).status).toBe(401);
  expect(await send(trial, [envelope(2)], bearer(token))).toMatchObject([{ status: 'success' }]);
});

it('tells health to everybody, and an identity to who has a token', async () => {
  const trial = await startTrial();
  const token = await trial.token();
  const anonymous = await get(trial, HEALTH_URL);
  expect(anonymous.status).toBe(200);
  expect(anonymous.json['identity']).toBeUndefined();
  expect((await get(trial, HEALTH_URL, bearer(token))).json['identity']).toEqual({
    team: 'local',
    user: 'ingest',
  });
});

it('refuses every token that is not in force with one answer, on every route', async () => {
  const trial = await startTrial();
  const token = await trial.token();
  const flipped = token.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
  const forged = mintSecret(seededRandom(99)).text;
  const [entry] = await listTokens(trial.store);
  const revoked = await trial.token();
  const [, second] = await listTokens(trial.store);
  await revokeToken(trial.store, second?.id ?? '', trial.clock);
  const headers = [
    `Bearer ${forged}`,
    `Bearer ${flipped}`,
    `Bearer ${revoked}`,
    `Bearer ${entry?.prefix ?? ''}`,
    `Bearer ${token} ${token}`,
    `Bearer ${token}, Bearer ${token}`,
    `Basic ${token}`,
    'Bearer ',
    token,
    'Bearer eyJhbGciOiJub25lIn0.e30.',
    "Bearer 'OR+1=1--",
  ];
  const answers = new Set<string>();
  for (const authorization of headers) {
    for (const url of [HEALTH_URL, LIST_URL, `${LIST_URL}${eventId(1)}`]) {
      const reply = await get(trial, url, { authorization });
      expect([authorization, url, reply.status]).toEqual([authorization, url, 401]);
      answers.add(JSON.stringify(reply.json));
    }
    const posted = await replyOf(trial.app.fetch(postRequest([envelope(1)], { authorization })));
    expect(posted.status).toBe(401);
  }
  expect(answers.size).toBe(1);
  expect(await statusOf(trial, token)).toBe(200);
});

it('keeps the scopes apart', async () => {
  const trial = await startTrial();
  const ingest = await trial.token('ingest');
  const read = await trial.token('read');
  expect((await get(trial, LIST_URL, bearer(read))).status).toBe(200);
  const refusedRead = await get(trial, LIST_URL, bearer(ingest));
  expect([refusedRead.status, refusedRead.json['error_code']]).toEqual([403, 'scope_refused']);
  const posted = await replyOf(trial.app.fetch(postRequest([envelope(1)], bearer(read))));
  expect([posted.status, posted.json['error_code']]).toEqual([403, 'scope_refused']);
});

it('keeps no token in the database', async () => {
  const trial = await startTrial();
  const token = await trial.token('ingest', [PROJECT]);
  await send(trial, [envelope(1)], bearer(token));
  const stored = [trial.file, `${trial.file}-wal`]
    .map((file) => readFileSync(file, 'latin1'))
    .join();
  expect(stored).toContain(token.slice(0, 12));
  expect(stored).not.toContain(token.slice(12));
  expect(stored).not.toContain(token.slice(12, 40));
  expect(JSON.stringify(trial.logged)).not.toContain(token.slice(12));
});

it('lists tokens with their projects and their last use, and revokes once', async () => {
  const trial = await startTrial();
  const limited = await trial.token('ingest', [OTHER_PROJECT.toUpperCase(), PROJECT, PROJECT]);
  await trial.token('read');
  const [first, second] = await listTokens(trial.store);
  expect(first).toMatchObject({
    scope: 'ingest',
    projects: [PROJECT, OTHER_PROJECT],
    lastUsedAt: null,
    revokedAt: null,
    prefix: limited.slice(0, 12),
  });
  expect(second?.projects).toBe('all');
  expect(Object.keys(first ?? {})).not.toContain('hash');
  const start = trial.clock.now();
  await statusOf(trial, limited);
  trial.clock.move(59_000);
  await statusOf(trial, limited);
  expect((await listTokens(trial.store))[0]?.lastUsedAt).toBe(start);
  trial.clock.move(1_000);
  await statusOf(trial, limited);
  expect((await listTokens(trial.store))[0]?.lastUsedAt).toBe(start + 60_000);
  const revoked = await revokeToken(trial.store, limited.slice(0, 12), trial.clock);
  expect(revoked.revokedAt).toBe(start + 60_000);
  trial.clock.move(5);
  expect((await revokeToken(trial.store, revoked.id, trial.clock)).revokedAt).toBe(start + 60_000);
  expect(await statusOf(trial, limited)).toBe(401);
});

it('makes no token for a project that is none, or for no project', async () => {
  const trial = await startTrial();
  const random = seededRandom(3);
  const more = { clock: trial.clock, ids: createIds(trial.clock, random), random };
  for (const projects of [[], ['demo'], [PROJECT, '']]) {
    const made = createToken(trial.store, { name: 'n', scope: 'ingest', projects, ...more });
    await expect(made).rejects.toMatchObject({ code: 'usage', exitCode: 2 });
  }
  await expect(revokeToken(trial.store, 'nobody', trial.clock)).rejects.toThrow(UserError);
});

it('knows the names and addresses of this machine', () => {
  const own = ['127.0.0.1', '127.1.2.3', '::ffff:127.0.0.1', '::1'];
  expect(own.filter(isLoopbackAddress)).toEqual(own);
  const foreign = ['10.0.0.1', '0.0.0.0', '::', '127.0.0.1.example.com', '1127.0.0.1', ''];
  expect(foreign.filter(isLoopbackAddress)).toEqual([]);
  expect(['localhost', 'LOCALHOST', '[::1]', '127.0.0.1'].every(isLoopbackHost)).toBe(true);
  expect(['localhost.example.com', '[::]', '0.0.0.0', '*'].some(isLoopbackHost)).toBe(false);
});

it('takes nobody for local who was forwarded or calls this machine by another name', async () => {
  const trial = await startTrial();
  const receiver = await listenTrial(trial);
  const ask = (headers: Readonly<Record<string, string>>): Promise<number> =>
    new Promise((resolve, reject) => {
      const url = new URL(new URL(HEALTH_URL).pathname, receiver.url);
      const request = http.get(url, { headers, agent: false }, (response) => {
        response.resume().on('end', () => {
          resolve(response.statusCode ?? 0);
        });
      });
      request.on('error', reject);
    });
  expect(await ask({})).toBe(200);
  expect(await ask({ host: 'localhost:1' })).toBe(200);
  expect(await ask({ host: 'rebound.example.com' })).toBe(401);
  expect(await ask({ 'x-forwarded-for': '203.0.113.7' })).toBe(401);
  expect(await ask({ forwarded: 'for=203.0.113.7' })).toBe(401);
  const token = await trial.token();
  expect(await ask({ host: 'receiver.example.com', ...bearer(token) })).toBe(200);
});
