import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { childScript, startScript } from '../../../test/support/child-script.ts';
import { PASSWORD } from '../../../test/support/login-trial.ts';
import { tempDir } from '../../../test/support/temp-home.ts';
import { createIds, systemClock, systemFiles, systemRandom } from '../../base/index.ts';
import { addUser, readAudit } from '../identity/administration.ts';
import { openStore } from '../store/store.ts';
import { startLogin } from './logins.ts';
import { spendRefreshToken } from './refresh-tokens.ts';
import { setUpAccount } from './setup.ts';
import { liveSession } from './sessions.ts';

const PROCESSES = 8;
const EXPIRIES = 100;

const SERVER = `
import { createIds, silentLog, systemClock, systemFiles } from './src/base/index.ts';
import { openStore, serve } from './src/server/index.ts';
const clock = systemClock();
const store = await openStore(process.argv[2], { clock, ids: createIds(clock), files: systemFiles });
const receiver = await serve(store, { clock, log: silentLog, port: 0 });
console.log(receiver.url);
`;

// All processes of one client see the token expire at the same moment, and none of them asks the others.
const CLIENT = `
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
const [url, file, name, rounds] = process.argv.slice(2);
const kept = () => JSON.parse(readFileSync(file, 'utf8'));
const counts = {};
for (let round = 1; round <= Number(rounds); round += 1) {
  while (kept().round === round) {
    const { refresh } = kept();
    const response = await fetch(url + '/api/v1/token/refresh/', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ refresh, client_nonce: 'this client' }),
    });
    const body = await response.json();
    counts[response.status] = (counts[response.status] ?? 0) + 1;
    if (response.status === 200) {
      writeFileSync(file + name, JSON.stringify({ round: round + 1, refresh: body.refresh }));
      renameSync(file + name, file);
    } else if (response.status !== 409 && response.status !== 503) {
      console.log(JSON.stringify({ round, body }));
      process.exit(1);
    }
    if (kept().round === round) await setTimeout(5);
  }
}
console.log(JSON.stringify(counts));
`;

it(`refreshes once for each of ${EXPIRIES} expiries that ${PROCESSES} processes see at two receivers`, async () => {
  const dir = tempDir();
  const file = path.join(dir, 'receiver.db');
  const clock = systemClock();
  const ids = createIds(clock);
  const store = await openStore(file, { clock, ids, files: systemFiles });
  const identity = { store, clock, ids, random: systemRandom };
  const { user, code } = await addUser(identity, { email: 'ann@kitty.example', name: null });
  await setUpAccount(identity, code, { email: '', name: '', password: PASSWORD });
  const login = await startLogin(identity, user, { kind: 'device', wanted: null });
  const session = path.join(dir, 'session.json');
  writeFileSync(session, JSON.stringify({ round: 1, refresh: login?.refresh.text }));

  const server = childScript(SERVER);
  const client = childScript(CLIENT);
  const servers = [startScript(server, [file]), startScript(server, [file])];
  const urls = await Promise.all(servers.map(({ firstLine }) => firstLine));
  const clients = Array.from({ length: PROCESSES }, (_, index) =>
    startScript(client, [urls[index % 2] ?? '', session, `.${index}`, String(EXPIRIES)]),
  );
  const ended = await Promise.all(clients.map((each) => each.ended));
  for (const each of servers) await each.kill();

  expect(
    ended.map(({ code: exit, stdout, stderr }) => [exit, exit === 0 ? '' : stdout + stderr]),
  ).toEqual(ended.map(() => [0, '']));
  const counts = ended.map(({ stdout }) => JSON.parse(stdout) as Readonly<Record<string, number>>);
  const sum = (status: string): number =>
    counts.reduce((all, each) => all + (each[status] ?? 0), 0);
  expect(sum('200')).toBe(EXPIRIES);
  expect(sum('409')).toBeGreaterThan(0);
  const id = login?.sessionId ?? '';
  type Row = { readonly generation: number };
  const [last] = await store.driver.all<Row>(
    'SELECT max(generation) AS generation FROM refresh_tokens WHERE session_id = $1',
    [id],
  );
  expect(last).toEqual({ generation: EXPIRIES + 1 });
  expect(await liveSession(store.driver, id, clock.now())).toMatchObject({ id });
  const { entries } = await readAudit(store, 100);
  expect(entries.map(({ action }) => action)).not.toContain('refresh.reused');

  // And a thief is noticed all the same, who has an old token and not the client's name for itself.
  const stolen = await spendRefreshToken(identity, login?.refresh.text ?? '', 'somebody else');
  expect(stolen).toEqual({ kind: 'ended' });
  expect(await liveSession(store.driver, id, clock.now())).toBeNull();
  await store.close();
}, 180_000);
