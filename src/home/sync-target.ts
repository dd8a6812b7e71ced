import { pythonStrip } from '../base/index.ts';
import { composeScope, resolveSyncTarget, type ResolvedSyncTarget } from './authority.ts';
import { readForeignToml } from './config.ts';
import type { Home } from './home.ts';
import type { Place } from './paths.ts';
import { sessionFor } from './login/sessions.ts';
import { readUpstreamIdentity } from './login/upstream.ts';

export interface SyncTargetOptions {
  /** A server named on the command line. */
  readonly flagServerUrl?: string | null;
  /** The server that the project at hand was given; it stands for the machine's default there. */
  readonly projectServerUrl?: string | null;
  /** False in a command that writes configuration. */
  readonly processWideOverride: boolean;
}

/**
 * The resolved server of this process with the identity of its session. Every command that opens a socket or
 * writes configuration takes its URL from here.
 * @throws UserError `split_brain`, `config_corrupt`, `session_unreadable`.
 */
export async function currentSyncTarget(
  home: Pick<Home, 'system' | 'paths' | 'config'>,
  options: SyncTargetOptions,
): Promise<ResolvedSyncTarget> {
  const config = await home.config();
  const facts = {
    configuredServerUrl: options.projectServerUrl ?? config.configuredServerUrl.value,
    envServerUrl: config.envServerUrl.value,
    flagServerUrl: options.flagServerUrl ?? null,
    userId: null,
    teamSlug: null,
    cachedScope: await cachedQueueScope(home),
    processWideOverride: options.processWideOverride,
    root: home.paths.root,
  };
  const server = resolveSyncTarget(facts).resolvedServerUrl;
  const session = server === null ? null : sessionFor(home, server);
  if (session === null) return resolveSyncTarget(facts);
  return resolveSyncTarget({ ...facts, userId: session.user, teamSlug: session.team });
}

/**
 * The queue scope that an earlier program left behind: its marker, else the scope of its login (disk contract
 * 2.2 and 2.5). A diagnostic: whatever cannot be read is none.
 */
export async function cachedQueueScope(place: Place): Promise<string | null> {
  const { system, paths } = place;
  const read = system.files.readInside(paths.root, paths.activeQueueScope, MAX_MARKER_BYTES);
  const marker = read.ok ? pythonStrip(read.bytes.toString('utf8')) : '';
  return marker === '' ? loginScope(place) : marker;
}

const MAX_MARKER_BYTES = 65_536;
const NO_TEAM = 'no-team';

/** Its last login with a session, else the one with credentials; the former knew no server of its own. */
async function loginScope(place: Place): Promise<string | null> {
  const identity = readUpstreamIdentity(place);
  const server = (await readForeignToml(place, place.paths.config))?.['sync'];
  const url = textIn(server, 'server_url');
  if (identity !== null && url !== '') return composeScope(url, identity.email, identity.team);
  return credentialsScope(place);
}

async function credentialsScope(place: Place): Promise<string | null> {
  const login = (await readForeignToml(place, place.paths.credentials)) ?? {};
  const server = textIn(login['server'], 'url');
  const user = textIn(login['user'], 'username');
  if (server === '' || user === '') return null;
  const team = textIn(login['user'], 'team_slug');
  return composeScope(server, user, team === '' ? NO_TEAM : team);
}

function textIn(table: unknown, key: string): string {
  const value = (table as Record<string, unknown> | undefined)?.[key];
  return typeof value === 'string' ? value : '';
}
