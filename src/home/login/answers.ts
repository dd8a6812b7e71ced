import type { Millis } from '../../base/index.ts';
import { asArray, asObject, asText, member, parseJson, type JsonObject } from '../../wire/index.ts';
import type { HttpReply } from '../http-exchange.ts';
import type { Secrets, SessionTeam } from './sessions.ts';

/** Tokens as a server hands them out, their ends as points in time. */
export interface Issued {
  readonly secrets: Secrets;
  readonly accessExpiresAt: Millis;
  /** Null where the server manages it. */
  readonly refreshExpiresAt: Millis | null;
  readonly sessionId: string | null;
  /** What the first kind of answer says beside the tokens. */
  readonly team: string | null;
}

/** What a server says of whoever asks. */
export interface Person {
  readonly userId: string;
  readonly email: string;
  readonly teams: readonly SessionTeam[];
  /** The one team that this login speaks for, where the server says that it speaks for one. */
  readonly speaksFor: string | null;
}

const ACCESS_SECONDS = 900;
const REFRESH_SECONDS = 604_800;
const OAUTH_ACCESS_SECONDS = 3_600;
const MAX_SECONDS = 10 * 366 * 86_400;
const MAX_TEAMS = 1_000;

/** Tokens for a password, or for the refresh token before them (wire contract 7.1); null for any other answer. */
export function parseTokenPair(body: Uint8Array, now: Millis): Issued | null {
  const answer = objectOf(body);
  const token = textOf(answer, 'access');
  const refresh = textOf(answer, 'refresh');
  if (token === null || refresh === null) return null;
  const access = secondsOf(answer, 'access_lifetime', 'expires_in') ?? ACCESS_SECONDS;
  const second = secondsOf(answer, 'refresh_lifetime', 'refresh_expires_in') ?? REFRESH_SECONDS;
  return {
    secrets: { token, refresh },
    accessExpiresAt: now + access * 1_000,
    refreshExpiresAt: now + second * 1_000,
    sessionId: textOf(answer, 'session_id'),
    team: textOf(answer, 'team_slug'),
  };
}

/**
 * Tokens of an OAuth grant (wire contract 7.2); null for any other answer.
 * @param before what stays in force where the answer to a refresh leaves it out.
 */
export function parseGrant(
  body: Uint8Array,
  now: Millis,
  before: Pick<Issued, 'refreshExpiresAt'> & { readonly refresh: string | null } = {
    refresh: null,
    refreshExpiresAt: null,
  },
): Issued | null {
  const answer = objectOf(body);
  const token = textOf(answer, 'access_token');
  if (token === null) return null;
  const seconds = secondsOf(answer, 'expires_in', 'expires_in') ?? OAUTH_ACCESS_SECONDS;
  return {
    secrets: { token, refresh: textOf(answer, 'refresh_token') ?? before.refresh },
    accessExpiresAt: now + seconds * 1_000,
    refreshExpiresAt: refreshEnd(answer, now) ?? before.refreshExpiresAt,
    sessionId: textOf(answer, 'session_id'),
    team: null,
  };
}

/** Who is asked about (wire contract 7.3); null for an answer that does not say it. */
export function parsePerson(body: Uint8Array): Person | null {
  const answer = objectOf(body);
  const email = textOf(answer, 'email');
  const teams = asArray(member(answer, 'teams'));
  if (email === null || teams === null) return null;
  return {
    userId: idOf(answer, 'user_id') ?? '',
    email,
    speaksFor: idOf(answer, 'team_id'),
    teams: teams
      .slice(0, MAX_TEAMS)
      .map((team) => asObject(team) ?? {})
      .map((team) => ({
        id: idOf(team, 'id') ?? '',
        name: textOf(team, 'name') ?? '',
        role: textOf(team, 'role') ?? '',
        isPrivate: member(team, 'is_private_teamspace') === true,
      }))
      .filter(({ id }) => id !== ''),
  };
}

/** The team that everything goes to: the first private one, never a shared one; null when the login speaks for another. */
export function privateTeam({ teams, speaksFor }: Person): string | null {
  const id = teams.find(({ isPrivate }) => isPrivate)?.id ?? null;
  return speaksFor === null || speaksFor === id ? id : null;
}

/** What a server refuses a token with: its word, and when it wants to be asked again. */
export interface Refusal {
  readonly error: string;
  readonly retryAfterMs: Millis;
}

/** The refusal in an answer; an empty word when it holds none. */
export function parseRefusal(reply: Extract<HttpReply, { kind: 'response' }>): Refusal {
  const answer = objectOf(reply.body);
  const seconds = secondsOf(answer, 'retry_after', 'retry_after') ?? 1;
  return { error: textOf(answer, 'error') ?? '', retryAfterMs: seconds * 1_000 };
}

function refreshEnd(answer: JsonObject, now: Millis): Millis | null {
  const at = Date.parse(textOf(answer, 'refresh_token_expires_at') ?? '');
  if (!Number.isNaN(at)) return at;
  const seconds = secondsOf(answer, 'refresh_token_expires_in', 'refresh_token_expires_in');
  return seconds === null ? null : now + seconds * 1_000;
}

function objectOf(body: Uint8Array): JsonObject {
  const parsed = parseJson(body);
  return parsed.ok ? (asObject(parsed.value) ?? {}) : {};
}

function textOf(object: JsonObject, key: string): string | null {
  const text = asText(member(object, key));
  return text === '' ? null : text;
}

/** Ids are texts or numbers. */
function idOf(object: JsonObject, key: string): string | null {
  const value = member(object, key);
  return typeof value === 'number' ? String(value) : textOf(object, key);
}

/** A length of time: a number or its digits; what is neither was not said. */
function secondsOf(object: JsonObject, name: string, otherwise: string): number | null {
  const value = member(object, name) ?? member(object, otherwise);
  const seconds = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof seconds === 'number' && seconds >= 0 && seconds <= MAX_SECONDS ? seconds : null;
}
