import { randomBytes } from 'node:crypto';
import { systemClock } from '../../src/base/index.ts';
import {
  answerAll,
  idsOf,
  recordingServer,
  type Recorded,
  type RecordingServer,
  type Reply,
} from './recording-server.ts';

/** Somebody who may log in. */
export interface Account {
  readonly username: string;
  readonly password: string;
  readonly email: string;
  readonly teams: readonly {
    readonly id: string;
    readonly name: string;
    readonly role: string;
    readonly is_private_teamspace?: boolean;
  }[];
}

export const ANN: Account = {
  username: 'ann',
  password: 'correct horse',
  email: 'ann@example.com',
  teams: [
    { id: 'team-crew', name: 'Crew', role: 'member' },
    { id: 'team-ann', name: 'Ann', role: 'owner', is_private_teamspace: true },
  ],
};
export const BOB: Account = {
  username: 'bob',
  password: 'battery staple',
  email: 'bob@example.com',
  teams: [{ id: 'team-bob', name: 'Bob', role: 'owner', is_private_teamspace: true }],
};

export interface LoginServerOptions {
  readonly accounts?: readonly Account[];
  /** How long an access token works, seconds. */
  readonly accessSeconds?: number;
  /** False answers 404 to the OAuth addresses. */
  readonly offersDevice?: boolean;
  /** Answers of the device poll before the tokens. */
  readonly pending?: readonly string[];
  /** Says something else to a request, or null for the usual answer. */
  readonly instead?: (request: Recorded) => Reply | undefined;
}

export interface LoginServer extends RecordingServer {
  /** Every secret that was ever handed out. */
  readonly secrets: readonly string[];
  /** Answered renewals, and how many families were ended because a token came twice. */
  readonly renewals: () => number;
  readonly reuses: () => number;
  /** Ends every access token in force. */
  expireAccess(): void;
  /** Ends every login. */
  endLogins(): void;
  /** Gives accounts from now on other teams. */
  setTeams(teams: Account['teams']): void;
}

interface Family {
  readonly account: Account;
  access: string;
  refresh: string;
  /** The refresh token before, and until when its repetition is harmless. */
  spent: string | null;
  graceUntil: number;
  isEnded: boolean;
}

const GRACE_MS = 10_000;

/**
 * A server that logs people in as the wire contract says it: short access tokens, refresh tokens that work once, a
 * family that ends when a spent one comes again after the time of grace, the device grant, and who one is.
 */
export async function loginServer(options: LoginServerOptions = {}): Promise<LoginServer> {
  const { accounts = [ANN, BOB], accessSeconds = 900, offersDevice = true } = options;
  const clock = systemClock();
  const families: Family[] = [];
  const secrets: string[] = [];
  const pending = [...(options.pending ?? [])];
  let [renewals, reuses] = [0, 0];
  let teams: Account['teams'] | null = null;
  const draw = (kind: string): string => {
    const secret = `${kind}-${randomBytes(18).toString('hex')}`;
    secrets.push(secret);
    return secret;
  };
  const start = (account: Account): Family => {
    const family = {
      ...{ account, access: draw('access'), refresh: draw('refresh') },
      ...{ spent: null, graceUntil: 0, isEnded: false },
    };
    families.push(family);
    return family;
  };
  /** The family a refresh token renews, or the answer that refuses it. */
  const renew = (token: string, refusal: number): Family | Reply => {
    const current = families.find((each) => each.refresh === token && !each.isEnded);
    if (current !== undefined) {
      current.spent = current.refresh;
      current.graceUntil = clock.now() + GRACE_MS;
      current.access = draw('access');
      current.refresh = draw('refresh');
      renewals += 1;
      return current;
    }
    const spent = families.find((each) => each.spent === token && !each.isEnded);
    if (spent !== undefined && clock.now() <= spent.graceUntil) {
      return json(409, { error: 'refresh_replay_benign_retry', retry_after: 0.05 });
    }
    if (spent !== undefined) {
      spent.isEnded = true;
      reuses += 1;
    }
    return json(refusal, { error: 'invalid_grant' });
  };
  const pair = (family: Family): Reply =>
    json(200, {
      access: family.access,
      refresh: family.refresh,
      access_lifetime: accessSeconds,
      refresh_lifetime: '604800',
    });
  const grant = (family: Family): Reply =>
    json(200, {
      access_token: family.access,
      refresh_token: family.refresh,
      expires_in: accessSeconds,
      session_id: 'session-1',
    });
  type Handler = (form: URLSearchParams, said: () => Record<string, string>) => Reply;
  const routes: Readonly<Record<string, Handler>> = {
    'POST /api/v1/token/': (_form, said) => {
      const { username, password } = said();
      const account = accounts.find(
        (each) => each.username === username && each.password === password,
      );
      return account === undefined ? json(401, { error: 'invalid' }) : pair(start(account));
    },
    'POST /api/v1/token/refresh/': (_form, said) => {
      const renewed = renew(said()['refresh'] ?? '', 401);
      return isFamily(renewed) ? pair(renewed) : renewed;
    },
    'POST /oauth/device': () =>
      offersDevice
        ? json(200, {
            device_code: draw('device'),
            user_code: 'ABCD1234',
            verification_uri: 'https://login.example/device',
            expires_in: 5,
            interval: 0.02,
          })
        : json(404, { error: 'not_found' }),
    'POST /oauth/token': (form) => {
      if (form.get('grant_type') === 'refresh_token') {
        const renewed = renew(form.get('refresh_token') ?? '', 400);
        return isFamily(renewed) ? grant(renewed) : renewed;
      }
      const waiting = pending.shift();
      if (waiting !== undefined) return json(400, { error: waiting });
      const [account = ANN] = accounts;
      return grant(start(account));
    },
    'POST /oauth/revoke': (form) => {
      for (const family of families) {
        if (family.refresh === form.get('token')) family.isEnded = true;
      }
      return json(200, { revoked: true });
    },
  };
  const reply = (request: Recorded): Reply => {
    const other = options.instead?.(request);
    if (other !== undefined) return other;
    const handler = routes[`${request.method} ${request.path}`];
    if (handler === undefined) return answerKnown(request);
    const text = request.body.toString('utf8');
    return handler(new URLSearchParams(text), () => JSON.parse(text) as Record<string, string>);
  };
  const answerKnown = (request: Recorded): Reply => {
    const family = families.find(
      (each) => request.headers['authorization'] === `Bearer ${each.access}` && !each.isEnded,
    );
    if (family === undefined) return json(401, { error: 'authentication_required' });
    const { email } = family.account;
    if (!request.path.startsWith('/api/v1/me')) return answerAll(request);
    return json(200, { user_id: 7, email, teams: teams ?? family.account.teams });
  };
  const server = await recordingServer(reply);
  return {
    ...server,
    batches: () =>
      server.requests
        .filter(({ path }) => path === '/api/v1/events/batch/')
        .map(({ body }) => idsOf(body)),
    secrets,
    renewals: () => renewals,
    reuses: () => reuses,
    expireAccess: () => {
      for (const family of families) family.access = draw('access');
    },
    endLogins: () => {
      for (const family of families) family.isEnded = true;
    },
    setTeams: (next) => {
      teams = next;
    },
  };
}

function isFamily(value: Family | Reply): value is Family {
  return value !== null && 'account' in value;
}

function json(status: number, body: unknown): Reply {
  return { status, body: JSON.stringify(body) };
}
