import { type Clock, EXIT, type Ids, printable, type Random, UserError } from '../base/index.ts';
import { parseProjectId, type ProjectId } from '../wire/index.ts';
import { operatorScope } from './auth.ts';
import { note } from './identity/administration.ts';
import { mintSecret } from './login/machine-tokens.ts';
import { MAX_ECHOED_ID_CHARS, PAGE_DEFAULT, PAGE_MAX } from './limits.ts';
import { namespaceId, type NamespaceNames } from './dossier.ts';
import {
  type ArtifactEntry,
  type NamespaceEntry,
  pageOfArtifacts,
  pageOfNamespaces,
} from './store/artifacts.ts';
import { type EventEntry, eventsById, pageOfEvents, type StoredEvent } from './store/events.ts';
import { LOCAL_TEAM, type Store } from './store/store.ts';
import type { TeamScope } from './store/team-scope.ts';
import {
  insertToken,
  markRevoked,
  type StoredToken,
  type TokenEntry,
  type TokenScope,
  tokensNamed,
  tokensOfTeam,
  tokenWithId,
} from './store/tokens.ts';

export interface NewTokenOptions {
  /** For people; also the `user` that health tells the token's holder. */
  readonly name: string;
  readonly scope: TokenScope;
  /** UUIDs of the projects it is for. */
  readonly projects: 'all' | readonly string[];
  /** Whose it is; `local` when absent. */
  readonly team?: TeamScope;
  /** Milliseconds after which it is worth nothing; never when absent. */
  readonly livesMs?: number;
  /** Who makes it, as the audit names them; the operator when absent. */
  readonly by?: string;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly random: Random;
}

/**
 * Makes a token. `secret` is the token itself and cannot be had again; the store keeps its SHA-256 only.
 * @throws UserError `usage` when no project is named, or one that is no UUID.
 */
export async function createToken(
  store: Store,
  options: NewTokenOptions,
): Promise<TokenEntry & { readonly secret: string }> {
  const minted = mintSecret(options.random);
  const now = options.clock.now();
  const token: StoredToken = {
    id: options.ids.ulid(),
    teamId: options.team ?? LOCAL_TEAM,
    prefix: minted.prefix,
    hash: minted.hash,
    name: options.name,
    scope: options.scope,
    projects: options.projects === 'all' ? 'all' : toProjectIds(options.projects),
    createdAt: now,
    expiresAt: options.livesMs === undefined ? null : now + options.livesMs,
    lastUsedAt: null,
    revokedAt: null,
  };
  await insertToken(store.driver, token);
  await note(options, store.driver, ['token.created', token.id, token.teamId], options.by);
  return { ...toEntry(token), secret: minted.text };
}

function toProjectIds(texts: readonly string[]): readonly string[] {
  if (texts.length === 0) throw usage('a token is for at least one project, or for all');
  return [...new Set(texts.map(toProjectId))].sort();
}

function toProjectId(text: string): ProjectId {
  const id = parseProjectId(text);
  if (id === null) throw usage(`not a project UUID: ${printable(text, MAX_ECHOED_ID_CHARS)}`);
  return id;
}

function usage(message: string): UserError {
  return new UserError('usage', message, {
    remedy: 'spec-kitty receiver --help',
    exitCode: EXIT.refused,
  });
}

/** All tokens of a team, oldest first, revoked ones too. */
export async function listTokens(
  store: Store,
  team = operatorScope(LOCAL_TEAM),
): Promise<readonly TokenEntry[]> {
  return (await tokensOfTeam(store.driver, team)).map(toEntry);
}

/**
 * Ends a token's force at once; revoking it again changes nothing.
 * @param id the token's id, or its prefix when only one token has it.
 * @throws UserError `not_found`.
 */
export async function revokeToken(store: Store, id: string, clock: Clock): Promise<TokenEntry> {
  const tokens = await tokensNamed(store.driver, id);
  const [token] = tokens;
  if (token === undefined || tokens.length > 1) {
    throw new UserError('not_found', `no token is named ${id}`, {
      remedy: 'spec-kitty receiver token list',
    });
  }
  await endToken(store, token, { clock });
  return toEntry((await tokenWithId(store.driver, token.id)) ?? token);
}

/**
 * The same for who speaks for its team; a token of another team is one that is not there.
 * @throws UserError `not_found`.
 */
export async function revokeTokenOf(
  store: Store,
  { team, id }: { readonly team: TeamScope; readonly id: string },
  by: { readonly clock: Clock; readonly by: string },
): Promise<void> {
  const token = await tokenWithId(store.driver, id);
  if (token?.teamId === team) return endToken(store, token, by);
  throw new UserError('not_found', 'no token of this team has this id', {
    remedy: 'spec-kitty receiver token list',
  });
}

async function endToken(
  { driver }: Store,
  { id, teamId }: StoredToken,
  { clock, by }: { readonly clock: Clock; readonly by?: string },
): Promise<void> {
  await driver.tx(async (sql) => {
    await markRevoked(sql, id, clock.now());
    await note({ clock }, sql, ['token.revoked', id, teamId], by);
  });
}

function toEntry({ hash: _hash, ...entry }: StoredToken): TokenEntry {
  return entry;
}

export interface ListOptions {
  /** Events that arrived after this cursor; the beginning when absent. */
  readonly after?: number;
  /** 1 … 1000, 100 when absent. */
  readonly limit?: number;
  /** One project's events only. */
  readonly project?: string;
}

export interface EventPage {
  readonly items: readonly EventEntry[];
  /** What `after` takes for the next page; null when this is the last. */
  readonly nextCursor: number | null;
}

/**
 * One page of what arrived, in order of arrival.
 * @throws UserError `usage` for a project that is no UUID.
 */
export async function listEvents(
  store: Store,
  options: ListOptions = {},
  team = operatorScope(LOCAL_TEAM),
): Promise<EventPage> {
  const limit = Math.min(Math.max(options.limit ?? PAGE_DEFAULT, 1), PAGE_MAX);
  const found = await pageOfEvents(store.driver.of(team), {
    team,
    projectId: options.project === undefined ? null : toProjectId(options.project),
    after: options.after ?? 0,
    limit: limit + 1,
  });
  const items = found.slice(0, limit);
  return { items, nextCursor: found.length > limit ? (items.at(-1)?.cursor ?? null) : null };
}

export interface NamespaceOptions {
  readonly project: string;
  /** The `nextCursor` of the page before; the beginning when absent. */
  readonly after?: string;
  /** 1 … 1000, 100 when absent. */
  readonly limit?: number;
}

export interface ArtifactOptions extends NamespaceOptions {
  readonly namespace: NamespaceNames;
}

/** A page of what is listed by a text. */
export interface TextPage<T> {
  readonly items: readonly T[];
  /** What `after` takes for the next page; null when this is the last. */
  readonly nextCursor: string | null;
}

/**
 * One page of the namespaces that the events of a project speak of.
 * @throws UserError `usage` for a project that is no UUID.
 */
export async function listNamespaces(
  store: Store,
  options: NamespaceOptions,
  team = operatorScope(LOCAL_TEAM),
): Promise<TextPage<NamespaceEntry>> {
  const project = toProjectId(options.project);
  return pageBy(
    options,
    ({ id }: NamespaceEntry) => id,
    (range) => pageOfNamespaces(store.driver.of(team), team, project, range),
  );
}

/**
 * One page of a namespace's artifacts in the order of their paths, each with every content it had.
 * @throws UserError `usage` for a project that is no UUID.
 */
export async function listArtifacts(
  store: Store,
  options: ArtifactOptions,
  team = operatorScope(LOCAL_TEAM),
): Promise<TextPage<ArtifactEntry>> {
  const project = toProjectId(options.project);
  const scope = [team, project, namespaceId(options.namespace)] as const;
  return pageBy(
    options,
    ({ path }: ArtifactEntry) => path,
    (range) => pageOfArtifacts(store.driver.of(team), scope, range),
  );
}

/** Asks for one more than wanted: whether there is a next page. */
async function pageBy<T>(
  options: NamespaceOptions,
  cursorOf: (item: T) => string,
  read: (range: { readonly after: string; readonly limit: number }) => Promise<readonly T[]>,
): Promise<TextPage<T>> {
  const limit = Math.min(Math.max(options.limit ?? PAGE_DEFAULT, 1), PAGE_MAX);
  const found = await read({ after: options.after ?? '', limit: limit + 1 });
  const items = found.slice(0, limit);
  const last = items.at(-1);
  const isMore = found.length > limit && last !== undefined;
  return { items, nextCursor: isMore ? cursorOf(last) : null };
}

/** Every stored event with this id, exactly spelled: one for each project that sent it; empty when there is none. */
export async function showEvent(
  store: Store,
  eventId: string,
  team = operatorScope(LOCAL_TEAM),
): Promise<readonly StoredEvent[]> {
  return eventsById(store.driver.of(team), team, eventId);
}
