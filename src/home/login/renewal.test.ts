import { describe, expect, it, onTestFinished } from 'vitest';
import { childScript, startScript } from '../../../test/support/child-script.ts';
import { ANN, loginServer, type LoginServer } from '../../../test/support/login-server.ts';
import { answerAll, recordingServer } from '../../../test/support/recording-server.ts';
import { tempDir, testSystem } from '../../../test/support/temp-home.ts';
import { systemClock } from '../../base/index.ts';
import { openHome, type Home } from '../home.ts';
import { saveSession } from './keeping.ts';
import { askByPassword } from './requests.ts';
import { sessionHttp } from './session-http.ts';
import { sessionFor, type Session } from './sessions.ts';

function homeAt(dir: string): Home {
  const { clock } = testSystem(dir);
  const home = openHome({
    ...testSystem(dir),
    clock: { ...clock, now: () => systemClock().now() },
  });
  onTestFinished(() => {
    home.close();
  });
  return home;
}

interface Place {
  readonly home: Home;
  readonly server: LoginServer;
  readonly session: Session;
}

async function loggedIn(kind: 'password' | 'device', server: LoginServer): Promise<Place> {
  const home = homeAt(tempDir());
  const asked = await askByPassword(home, server.url, ANN);
  if (asked.kind === 'refused') throw new Error('the server logs Ann in');
  const { secrets, accessExpiresAt, refreshExpiresAt } = asked.value;
  const ends = { accessExpiresAt, refreshExpiresAt };
  const login = { kind, team: 'team-ann', user: ANN.email, ...ends };
  const session = await saveSession(home, server.url, login, secrets);
  return { home, server, session };
}

async function statusOf({ home, server, session }: Place): Promise<number | string> {
  const reply = await sessionHttp(home, session).send({
    method: 'GET',
    url: `${server.url}/api/v1/me?x=1`,
    headers: {},
    body: null,
    deadlineMs: 5_000,
    maxResponseBytes: 10_000,
  });
  return reply.kind === 'response' ? reply.status : reply.reason;
}

describe.each(['password', 'device'] as const)('a login by %s', (kind) => {
  it('is renewed before its token ends, and once when it is refused', async () => {
    const place = await loggedIn(kind, await loginServer({ accessSeconds: 900 }));
    expect([await statusOf(place), place.server.renewals()]).toEqual([200, 0]);
    place.server.expireAccess();
    expect([await statusOf(place), place.server.renewals()]).toEqual([200, 1]);
    expect([await statusOf(place), place.server.renewals()]).toEqual([200, 1]);
    const hasty = await loggedIn(kind, await loginServer({ accessSeconds: 5 }));
    expect([await statusOf(hasty), hasty.server.renewals() > 0]).toEqual(['timeout', true]);
  });

  it('is renewed once by all that need it at the same moment', async () => {
    const place = await loggedIn(kind, await loginServer());
    place.server.expireAccess();
    const others = Array.from({ length: 6 }, () => homeAt(place.home.system.cwd));
    const statuses = await Promise.all(
      [place.home, ...others].flatMap((home) => [
        statusOf({ ...place, home }),
        statusOf({ ...place, home }),
      ]),
    );
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect([place.server.renewals(), place.server.reuses()]).toEqual([1, 0]);
  });

  it('ends by the word of the server, with the reason and without its secrets', async () => {
    const place = await loggedIn(kind, await loginServer());
    place.server.endLogins();
    expect(await statusOf(place)).toBe(401);
    expect(sessionFor(place.home, place.server.url)).toMatchObject({
      user: ANN.email,
      ended: expect.stringContaining('the server does not renew it any more') as string,
    });
    const asked = place.server.requests.length;
    expect(await statusOf(place)).toBe(401);
    expect(place.server.requests.length).toBe(asked);
    const kept = place.home.system.files.readText(place.home.paths.session) ?? '';
    for (const secret of place.server.secrets) expect(kept).not.toContain(secret);
  });

  it('does not end by a failure, which is the answer to whoever needed the token', async () => {
    let failing: number | null | undefined = 503;
    const server = await loginServer({
      instead: ({ path }) => {
        const isRenewal = path === '/oauth/token' || path.endsWith('/refresh/');
        if (!isRenewal || failing === undefined) return undefined;
        return failing === null ? null : { status: failing, body: '{}' };
      },
    });
    const place = await loggedIn(kind, server);
    server.expireAccess();
    for (const [status, seen] of [
      [503, 503],
      [429, 429],
      [200, 'malformed'],
      [null, 'reset'],
    ] as const) {
      failing = status;
      expect(await statusOf(place)).toBe(seen);
    }
    failing = undefined;
    expect(await statusOf(place)).toBe(200);
  });
});

describe('a renewal', () => {
  it('that was answered and never written is asked for again while that is harmless', async () => {
    const place = await loggedIn('device', await loginServer());
    const lost = place.home.system.files.readText(place.home.paths.session) ?? '';
    place.server.expireAccess();
    expect(await statusOf(place)).toBe(200);
    const written = place.home.system.files.readText(place.home.paths.session) ?? '';
    place.home.system.files.write(place.home.paths.session, lost);
    const late = setTimeout(() => {
      place.home.system.files.write(place.home.paths.session, written);
    }, 100);
    expect(await statusOf(place)).toBe(200);
    clearTimeout(late);
    expect(place.server.reuses()).toBe(0);
  });

  it('waits for a process that is at it, and not for one that died', async () => {
    const place = await loggedIn('password', await loginServer());
    const machine = place.home.machine();
    const take = (pid: number, started: string | null): void => {
      machine.run(
        `INSERT INTO refreshes VALUES (:origin, 5, :pid, :started, NULL, :expires)
         ON CONFLICT (origin) DO UPDATE SET owner_pid = :pid, owner_started = :started, expires_at = :expires`,
        { origin: place.session.origin, pid, started, expires: systemClock().now() + 400 },
      );
    };
    place.server.expireAccess();
    take(1, null);
    const began = systemClock().now();
    expect(await statusOf(place)).toBe(200);
    expect(systemClock().now() - began).toBeGreaterThan(300);
    expect(machine.get('SELECT fence, owner_pid FROM refreshes')).toEqual({
      fence: 6,
      owner_pid: null,
    });
  });
});

it('goes to the next at once when the process whose turn it is was killed', async () => {
  const place = await loggedIn('device', await loginServer());
  const { root } = place.home.paths;
  const script = childScript(`
    import { createSystem } from './src/base/index.ts';
    import { openHome } from './src/home/index.ts';
    import { takeTurn } from './src/home/login/refresh-turn.ts';
    const [root, origin] = process.argv.slice(2);
    const home = openHome(createSystem({ SPEC_KITTY_HOME: root, SPEC_KITTY_KEYRING: '0' }, root));
    const turn = await takeTurn(home, origin, () => Promise.resolve(true));
    console.log(turn.fence);
    setInterval(() => {}, 1_000);`);
  const holder = startScript(script, [root, place.session.origin]);
  expect(await holder.firstLine).toBe('1');
  place.server.expireAccess();
  const waiting = statusOf(place);
  await systemClock().sleep(300);
  expect(place.server.renewals()).toBe(0);
  await holder.kill();
  const killed = systemClock().now();
  expect(await waiting).toBe(200);
  expect(systemClock().now() - killed).toBeLessThan(2_000);
  expect(place.server.renewals()).toBe(1);
});

describe('a token', () => {
  it('goes to its own origin alone, and never over an authorization that is there', async () => {
    const place = await loggedIn('password', await loginServer());
    const other = await recordingServer((request) => answerAll(request));
    const http = sessionHttp(place.home, place.session);
    const get = (url: string, headers: Record<string, string> = {}): ReturnType<typeof http.send> =>
      http.send({
        ...{ method: 'GET', url, headers, body: null },
        ...{ deadlineMs: 5_000, maxResponseBytes: 1_000 },
      });
    await get(`${other.url}/api/v1/me`);
    await get(`${other.url}/?${place.server.url}`);
    for (const { headers } of other.requests) expect(headers['authorization']).toBeUndefined();
    await get(`${place.server.url}/api/v1/me`, { Authorization: 'Basic eA==' });
    expect(place.server.requests.at(-1)?.headers['authorization']).toBe('Basic eA==');
  });

  it('is of nobody once another logged in at the origin', async () => {
    const place = await loggedIn('password', await loginServer());
    const bob = { kind: 'machine', team: 'team-bob', user: 'bob@example.com' } as const;
    await saveSession(place.home, place.server.url, bob, { token: 'bobs', refresh: null });
    const before = place.server.requests.length;
    expect(await statusOf(place)).toBe(401);
    expect(place.server.requests.length).toBe(before);
  });
});
