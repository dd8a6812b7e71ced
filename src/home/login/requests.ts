import { FORM_MEDIA_TYPE, HEADERS, JSON_MEDIA_TYPE, PATHS } from '../../wire/index.ts';
import type { Home } from '../home.ts';
import type { HttpReply } from '../http-exchange.ts';
import { parsePerson, parseTokenPair, privateTeam, type Issued, type Person } from './answers.ts';
import { readLogin, replaceLogin } from './keeping.ts';
import { sessionHttp } from './session-http.ts';
import type { Secrets, Session } from './sessions.ts';

const DEADLINE_MS = 10_000;
const MAX_ANSWER_BYTES = 1_048_576;

/** What came of asking for something: it, or the answer that was none. */
export type Asked<T> =
  | { readonly kind: 'given'; readonly value: T }
  | { readonly kind: 'refused'; readonly reply: HttpReply };

/** Tokens for a name and a password (wire contract 7.1). Throws for nothing that the far side does. */
export async function askByPassword(
  home: Home,
  server: string,
  credentials: { readonly username: string; readonly password: string },
): Promise<Asked<Issued>> {
  const reply = await home.http.send({
    method: 'POST',
    url: `${server}${PATHS.token}`,
    headers: { [HEADERS.contentType]: JSON_MEDIA_TYPE },
    body: Buffer.from(JSON.stringify(credentials)),
    deadlineMs: DEADLINE_MS,
    maxResponseBytes: MAX_ANSWER_BYTES,
  });
  const isFine = reply.kind === 'response' && reply.status === 200;
  const issued = isFine ? parseTokenPair(reply.body, home.system.clock.now()) : null;
  return issued === null ? { kind: 'refused', reply } : { kind: 'given', value: issued };
}

/** Who a token belongs to (wire contract 7.3), for a login that is not kept yet. */
export async function askPerson(home: Home, server: string, token: string): Promise<Asked<Person>> {
  const reply = await home.http.send(personRequest(server, `Bearer ${token}`));
  return readPerson(reply);
}

/**
 * Gives a login without a private team the one that its server names by now; an origin is asked once in the life of a
 * home, and never again after an answer. Null when there is nobody to ask for or nothing to find.
 */
export async function findMissingTeam(home: Home, session: Session): Promise<Session | null> {
  if (session.kind === 'machine' || session.team !== null) return null;
  if (home.askedForTeams.has(session.origin)) return null;
  home.askedForTeams.add(session.origin);
  const reply = await sessionHttp(home, session).send(personRequest(session.server, null));
  const person = readPerson(reply);
  if (person.kind === 'refused') return null;
  const { teams, email } = person.value;
  const team = privateTeam(person.value);
  const login = await readLogin(home, session.origin);
  if (team === null || login === null) return null;
  await replaceLogin(home, login.session, { team, teams, user: email }, login.secrets);
  return { ...login.session, team, teams, user: email };
}

/** Asks the server to end a login (wire contract 7.2). */
export async function askRevocation(
  home: Home,
  session: Session,
  secrets: Secrets,
): Promise<HttpReply> {
  const token = new URLSearchParams({
    token: secrets.refresh ?? secrets.token,
    token_type_hint: 'refresh_token',
  });
  return home.http.send({
    method: 'POST',
    url: `${session.server}${PATHS.oauthRevoke}`,
    headers: { [HEADERS.contentType]: FORM_MEDIA_TYPE },
    body: Buffer.from(String(token)),
    deadlineMs: DEADLINE_MS,
    maxResponseBytes: MAX_ANSWER_BYTES,
  });
}

function personRequest(
  server: string,
  authorization: string | null,
): Parameters<Home['http']['send']>[0] {
  return {
    method: 'GET',
    url: `${server}${PATHS.me}`,
    headers: authorization === null ? {} : { [HEADERS.authorization]: authorization },
    body: null,
    deadlineMs: DEADLINE_MS,
    maxResponseBytes: MAX_ANSWER_BYTES,
  };
}

function readPerson(reply: HttpReply): Asked<Person> {
  const isFine = reply.kind === 'response' && reply.status === 200;
  const person = isFine ? parsePerson(reply.body) : null;
  return person === null ? { kind: 'refused', reply } : { kind: 'given', value: person };
}
