import { createHash } from 'node:crypto';
import { pythonLower, pythonStrip, sha256Hex } from '../base/index.ts';
import {
  composeScope,
  findGit,
  originUrl,
  readForeignToml,
  repoSlugOf,
  type Home,
} from '../home/index.ts';
import { asObject, asText, member, parseJson } from '../wire/index.ts';
import type { Source } from './sources.ts';

/** Parts of identities that somebody on this machine used, to be tried against digests. */
export interface Candidates {
  readonly servers: readonly string[];
  readonly users: readonly string[];
  readonly teams: readonly string[];
  /** Whole scopes that were written down somewhere. */
  readonly scopes: readonly string[];
}

/** What the earlier program talked to when nothing was configured, and what it called no team. */
const ITS_DEFAULT_SERVER = 'https://spec-kitty-dev.fly.dev';
const NO_TEAM = 'no-team';
const DIGEST_DIGITS = 16;
const MAX_BYTES = 65_536;
/** Candidates of one kind that are tried; their combinations must stay a matter of milliseconds. */
const MAX_OF_A_KIND = 24;
const ROOTS = 'SELECT root FROM projects ORDER BY last_seen_at DESC LIMIT 24';

/**
 * Gathers candidate identities from the configuration, the earlier program's login, its daemon's record, its scope
 * marker and the remotes of projects that were seen here. Whatever cannot be read is none.
 */
export async function gatherCandidates(home: Home): Promise<Candidates> {
  const { paths, system } = home;
  const config = await home.config();
  const login = (await readForeignToml(home, paths.credentials)) ?? {};
  const owner = readOwner(home);
  const marker = system.files.readInside(paths.root, paths.activeQueueScope, MAX_BYTES);
  const scopes = [marker.ok ? marker.bytes.toString('utf8') : null, owner('auth_scope')];
  return {
    servers: distinct([
      config.configuredServerUrl.value,
      config.envServerUrl.value,
      owner('server_url'),
      textIn(login, 'server', 'url'),
      ITS_DEFAULT_SERVER,
    ]),
    users: distinct([textIn(login, 'user', 'username'), owner('auth_principal')]),
    teams: distinct([
      textIn(login, 'user', 'team_slug'),
      owner('auth_team'),
      NO_TEAM,
      ...teamsOfRemotes(home),
    ]),
    scopes: distinct(scopes.map((scope) => (scope === null ? null : pythonStrip(scope)))),
  };
}

/**
 * The identity whose digest a queue is named by: a match is proof. Null when no candidate matches, which says nothing
 * about whose it was.
 */
export function proveScope(source: Source, candidates: Candidates): string | null {
  if (source.kind !== 'queue') return null;
  for (const scope of allScopes(candidates)) {
    if (digestsOf(scope).includes(source.digest)) return scope;
  }
  return null;
}

function* allScopes({ servers, users, teams, scopes }: Candidates): Generator<string> {
  yield* scopes;
  for (const server of servers) {
    for (const user of users) {
      for (const team of teams) yield composeScope(server, user, team);
    }
  }
}

/** The digest of a scope as versions up to July 2026 and as later ones wrote it (disk contract 2.1 and 2.4). */
function digestsOf(scope: string): readonly string[] {
  const later = createHash('sha256').update(scope.split('|').join('\0')).digest('hex');
  return [sha256Hex(scope).slice(0, DIGEST_DIGITS), later];
}

function readOwner(home: Home): (key: string) => string | null {
  const { paths, system } = home;
  const file = `${paths.root}/sync/daemon/owner.json`;
  const read = system.files.readInside(paths.root, file, MAX_BYTES);
  const parsed = read.ok ? parseJson(read.bytes) : null;
  const fields = parsed?.ok === true ? asObject(parsed.value) : null;
  return (key) => (fields === null ? null : asText(member(fields, key)));
}

/** Groups and names in the remotes of known projects: teams are often called like them. */
function teamsOfRemotes(home: Home): readonly string[] {
  const { files, cwd } = home.system;
  const roots = home
    .machine()
    .all<{ root: string }>(ROOTS)
    .map(({ root }) => root);
  return [cwd, ...roots].flatMap((root) => {
    const git = findGit(files, root);
    const slug = git === null ? null : repoSlugOf(originUrl(files, git) ?? '');
    return slug?.split('/') ?? [];
  });
}

function textIn(
  tables: Readonly<Record<string, unknown>>,
  table: string,
  key: string,
): string | null {
  const value = (tables[table] as Readonly<Record<string, unknown>> | undefined)?.[key];
  return typeof value === 'string' ? value : null;
}

function distinct(texts: readonly (string | null)[]): readonly string[] {
  const folded = texts.map((text) => (text === null ? '' : pythonLower(pythonStrip(text))));
  return [...new Set(folded.filter((text) => text !== ''))].slice(0, MAX_OF_A_KIND);
}
