import { createIds } from '../../src/base/index.ts';
import { addUser, createTeam, type Identity, setTeamMember } from '../../src/server/index.ts';
import { accountWithEmail, setPassword } from '../../src/server/identity/users.ts';
import { startLogin } from '../../src/server/login/logins.ts';
import { hashPassword } from '../../src/server/login/passwords.ts';
import {
  bearer,
  type Reply,
  replyOf,
  seededRandom,
  startTrial,
  type Trial,
} from './receiver-trial.ts';

export const ORIGIN = 'http://localhost';
export const PASSWORD = 'correct horse battery';

type Role = Parameters<typeof setTeamMember>[1]['role'];

/** A receiver where people have accounts. */
export interface LoginTrial extends Trial {
  readonly identity: Identity;
  /** Makes an account whose user has chosen PASSWORD; a member of the named teams, which are made when they are new. */
  person(email: string, roles?: Readonly<Record<string, Role>>): Promise<void>;
  /** Logs in, without the work of a password, for a team; the private one without a name. */
  login(email: string, team?: string): Promise<Login>;
  post(path: string, body: Readonly<Record<string, unknown>>, headers?: Headers_): Promise<Reply>;
  form(path: string, fields: Readonly<Record<string, string>>, headers?: Headers_): Promise<Reply>;
  /** A page, or the answer to a form of one, as a browser on this machine gets it. */
  page(
    path: string,
    fields?: Readonly<Record<string, string>> | null,
    headers?: Headers_,
  ): Promise<Page>;
  get(path: string, token?: string): Promise<Reply>;
}

type Headers_ = Readonly<Record<string, string>>;

export interface Login {
  readonly access: string;
  readonly refresh: string;
  readonly session_id: string;
  readonly team_slug: string;
}

export interface Page {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The cookie to send from now on, empty when none was given. */
  readonly cookie: string;
}

/** @param place of the store; a file of its own when absent. */
export async function startLoginTrial(place?: string): Promise<LoginTrial> {
  const trial = await (place === undefined ? startTrial() : startTrial({}, place));
  const { clock, store, app } = trial;
  const random = seededRandom(11);
  const identity: Identity = { store, clock, ids: createIds(clock, random), random };
  const teams = new Map<string, string>([['local', 'local']]);
  const chosen = hashPassword(PASSWORD, random);
  const send = async (path: string, init: RequestInit): Promise<Response> =>
    app.fetch(new Request(`${ORIGIN}${path}`, init));
  const page: LoginTrial['page'] = async (path, fields = null, headers = {}) => {
    const init =
      fields === null
        ? { headers }
        : {
            method: 'POST',
            body: new URLSearchParams(fields).toString(),
            headers: { 'content-type': FORM, origin: ORIGIN, ...headers },
          };
    const response = await send(path, init);
    const [cookie = ''] = (response.headers.get('set-cookie') ?? '').split(';');
    return {
      status: response.status,
      headers: response.headers,
      text: await response.text(),
      cookie,
    };
  };
  const post: LoginTrial['post'] = async (path, body, headers = {}) =>
    replyOf(
      send(path, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json', ...headers },
      }),
    );
  return {
    ...trial,
    identity,
    page,
    post,
    form: async (path, fields, headers = {}) =>
      replyOf(
        send(path, {
          method: 'POST',
          body: new URLSearchParams(fields).toString(),
          headers: { 'content-type': FORM, ...headers },
        }),
      ),
    get: async (path, token) =>
      replyOf(send(path, { headers: token === undefined ? {} : bearer(token) })),
    person: async (email, roles = {}) => {
      const { user } = await addUser(identity, { email, name: null });
      // What choosing a password ends in; the cost of a hash is paid once.
      await setPassword(store.driver, user.id, await chosen);
      for (const [team, role] of Object.entries(roles)) {
        if (!teams.has(team)) teams.set(team, (await createTeam(identity, team)).id);
        await setTeamMember(identity, { team, email, role });
      }
    },
    login: async (email, team) => {
      const account = await accountWithEmail(store.driver, email);
      const wish = { kind: 'password', wanted: team ?? null } as const;
      const pair = account === null ? null : await startLogin(identity, account.user, wish);
      if (pair === null) throw new Error(`${email} is not in ${team}`);
      const { access, refresh, sessionId, teamId } = pair;
      return { access, refresh: refresh.text, session_id: sessionId, team_slug: teamId };
    },
  };
}

const FORM = 'application/x-www-form-urlencoded';
