import { expect, it, onTestFinished } from 'vitest';
import { createSystem } from '../../src/base/index.ts';
import { openHome, sessionFor } from '../../src/home/index.ts';
import { createMachine } from '../support/command-line.ts';
import { childScript, startScript } from '../support/child-script.ts';
import { addPeople, PASSWORD } from '../support/people.ts';
import { realReceiver } from '../support/real-receiver.ts';

const PROCESSES = 8;
const EXPIRIES = process.env['CRASH'] === 'full' ? 400 : 100;
const ANN = 'ann@kitty.example';

// Every process sees each expiry, because it waits for the renewal of the one before; then all of them ask at once.
const CLIENT = `
import { createSystem } from './src/base/index.ts';
import { openHome, sessionFor, sessionHttp } from './src/home/index.ts';
const [root, url, rounds] = process.argv.slice(2);
const home = openHome(createSystem({ HOME: root, SPEC_KITTY_HOME: root, SPEC_KITTY_KEYRING: '0' }, root));
const request = { method: 'GET', url: url + '/api/v1/me', headers: {}, body: null, deadlineMs: 30_000, maxResponseBytes: 65_536 };
console.log('ready');
for (let round = 0; round < Number(rounds); round += 1) {
  for (;;) {
    const session = sessionFor(home, url);
    const isWorn = session.renewals === round && session.accessExpiresAt <= Date.now();
    if (isWorn || session.renewals > round) break;
    await home.system.clock.sleep(4);
  }
  const reply = await sessionHttp(home, sessionFor(home, url)).send(request);
  if (reply.kind !== 'response' || reply.status !== 200) {
    console.error(round, reply.kind, reply.status, reply.detail, sessionFor(home, url).ended);
    process.exit(1);
  }
}
home.close();
`;

it(`renews once for each of ${EXPIRIES} expiries that ${PROCESSES} processes see, and logs nobody out`, async () => {
  const machine = createMachine();
  const receiver = await realReceiver();
  await addPeople(receiver, ANN);
  const login = ['auth', 'login', '--server', receiver.url, '--username', ANN, '--password-stdin'];
  expect(await machine.run(login, { input: PASSWORD })).toMatchObject({ exit: 0 });

  const env = { SPEC_KITTY_HOME: machine.home, SPEC_KITTY_KEYRING: '0' };
  const home = openHome(createSystem({ HOME: machine.home, ...env }, machine.dir));
  onTestFinished(() => {
    home.close();
  });
  const script = childScript(CLIENT);
  const args = [machine.home, receiver.url, String(EXPIRIES)];
  const clients = Array.from({ length: PROCESSES }, () => startScript(script, args));
  await Promise.all(clients.map(({ firstLine }) => firstLine));
  const gone = new Set<string>();
  const ended = Promise.all(clients.map((client) => client.ended)).finally(() => {
    gone.add('all');
  });
  for (let round = 0; round < EXPIRIES && gone.size === 0; round += 1) {
    while (gone.size === 0 && (sessionFor(home, receiver.url)?.renewals ?? 0) < round) {
      await home.system.clock.sleep(2);
    }
    expire(home);
  }
  const outcomes = (await ended).map(({ code, stderr }) => [code, stderr]);
  expect(outcomes).toEqual(clients.map(() => [0, '']));
  expect(sessionFor(home, receiver.url)).toMatchObject({ renewals: EXPIRIES, ended: null });
  const [tokens] = await receiver.store.driver.all<{ n: number; used: number }>(
    'SELECT count(*) AS n, count(used_at) AS used FROM refresh_tokens',
    [],
  );
  expect(tokens).toEqual({ n: EXPIRIES + 1, used: EXPIRIES });
  const [ends] = await receiver.store.driver.all<{ n: number }>(
    "SELECT count(*) AS n FROM audit WHERE action = 'refresh.reused'",
    [],
  );
  expect(ends).toEqual({ n: 0 });
}, 240_000);

/** Lets the token's time be up, in the file that all of them read. */
function expire(home: ReturnType<typeof openHome>): void {
  home.machine().tx(() => {
    const text = home.system.files.readText(home.paths.session) ?? '';
    home.system.files.write(
      home.paths.session,
      text.replace(/"access_expires_at": \d+/, '"access_expires_at": 1'),
    );
  });
}
