import path from 'node:path';
import {
  asciiSafe,
  EXIT,
  printable,
  pythonLower,
  pythonStrip,
  sha256Hex,
  UserError,
  withoutTrailingSlashes,
} from '../base/index.ts';

/** Whether the environment or a flag sends this process elsewhere than the configuration says. */
export type OverrideMode = 'none' | 'setup_only' | 'process_override';

/** How the marker of an earlier program compares with the derived scope: a diagnostic, never a selector. */
export type QueueScopeStatus = 'absent' | 'matches' | 'stale_non_authoritative';

/** The one answer to "which server does this process mean", with everything it was derived from. */
export interface ResolvedSyncTarget {
  /** `[sync].server_url` as written. */
  readonly configuredServerUrl: string | null;
  /** `SPEC_KITTY_SAAS_URL` without outer white space and trailing slashes; null when blank. */
  readonly envServerUrl: string | null;
  readonly overrideMode: OverrideMode;
  /** Null until someone names a server: there is no default. */
  readonly resolvedServerUrl: string | null;
  readonly userId: string | null;
  readonly teamSlug: string | null;
  /** ASCII only, `server|user|team`; null without a server. */
  readonly derivedQueueScope: string | null;
  /** Where the earlier program would keep this scope's queue; reported, never opened for writing. */
  readonly queueDbPath: string | null;
  readonly activeQueueScopeStatus: QueueScopeStatus;
}

export interface SyncTargetFacts {
  readonly configuredServerUrl: string | null;
  readonly envServerUrl: string | null;
  /** A server named on the command line, for this command alone. */
  readonly flagServerUrl?: string | null;
  readonly userId: string | null;
  readonly teamSlug: string | null;
  /** The text of the earlier program's `active_queue_scope`, null when there is none. */
  readonly cachedScope: string | null;
  /** False in a command that writes configuration: it must not write while the environment says another thing. */
  readonly processWideOverride: boolean;
  /** The home directory, for `queueDbPath`. */
  readonly root: string;
}

/**
 * Resolves the server of this process: the flag, else the environment, else the configuration (wire contract
 * 0.2). URLs are compared as text after trimming, because only the operator knows that two spellings are one.
 * @throws UserError `split_brain` when `processWideOverride` is false and environment and file disagree.
 */
export function resolveSyncTarget(facts: SyncTargetFacts): ResolvedSyncTarget {
  const { userId, teamSlug } = facts;
  const server = resolveServer(facts);
  const scope = server.resolved === null ? null : deriveScope(server.resolved, userId, teamSlug);
  return {
    configuredServerUrl: facts.configuredServerUrl,
    envServerUrl: server.env,
    overrideMode: server.overrideMode,
    resolvedServerUrl: server.resolved,
    userId,
    teamSlug,
    derivedQueueScope: scope,
    queueDbPath: scope === null ? null : queueDbPath(facts.root, scope),
    activeQueueScopeStatus: scopeStatus(facts.cachedScope, scope),
  };
}

/** The nine fields under their names on the wire and in JSON reports; user information in a URL is masked. */
export function targetToWire(target: ResolvedSyncTarget): Readonly<Record<string, string | null>> {
  return {
    configured_server_url: maskOrNull(target.configuredServerUrl),
    env_server_url: maskOrNull(target.envServerUrl),
    override_mode: target.overrideMode,
    resolved_server_url: maskOrNull(target.resolvedServerUrl),
    user_id: target.userId,
    team_slug: target.teamSlug,
    derived_queue_scope: target.derivedQueueScope,
    queue_db_path: target.queueDbPath,
    active_queue_scope_status: target.activeQueueScopeStatus,
  };
}

/**
 * `server|user|team` as the earlier program composed it: each part stripped and in lower case, the server
 * without trailing slashes (disk contract 2.1).
 */
export function composeScope(server: string, user: string, team: string): string {
  return [withoutTrailingSlashes(fold(server)), fold(user), fold(team)].join('|');
}

const DIGEST_DIGITS = 16;

interface ResolvedServer {
  readonly env: string | null;
  readonly resolved: string | null;
  readonly overrideMode: OverrideMode;
}

function resolveServer(facts: SyncTargetFacts): ResolvedServer {
  const configured = trimUrl(facts.configuredServerUrl);
  const env = trimUrl(facts.envServerUrl);
  const flag = trimUrl(facts.flagServerUrl ?? null);
  if (!facts.processWideOverride) refuseSplitBrain(env, flag ?? configured);
  const resolved = flag ?? env ?? configured;
  const overrides = configured !== null && resolved !== configured;
  return { env, resolved, overrideMode: overrides ? overrideModeOf(facts) : 'none' };
}

/** A command that writes configuration and names another server than the file is what `setup_only` stands for. */
function overrideModeOf(facts: SyncTargetFacts): OverrideMode {
  return facts.processWideOverride ? 'process_override' : 'setup_only';
}

function refuseSplitBrain(env: string | null, written: string | null): void {
  if (env === null || written === null || env === written) return;
  throw new UserError(
    'split_brain',
    `SPEC_KITTY_SAAS_URL names ${mask(env)}, this command would work on ${mask(written)}; nothing was changed`,
    { remedy: 'unset SPEC_KITTY_SAAS_URL', exitCode: EXIT.refused },
  );
}

/** A URL with user information is refused later on; until then it must not be shown. */
function mask(text: string): string {
  return printable(text.replace(/\/\/[^/?#]*@/, '//***@'));
}

function maskOrNull(text: string | null): string | null {
  return text === null ? null : mask(text);
}

function trimUrl(text: string | null): string | null {
  const trimmed = text === null ? '' : withoutTrailingSlashes(pythonStrip(text));
  return trimmed === '' ? null : trimmed;
}

/** The scope in ASCII: escaped after folding, so that É and é are one identity. */
function deriveScope(server: string, user: string | null, team: string | null): string {
  return asciiSafe(composeScope(mask(server), user ?? '', team ?? ''));
}

function fold(text: string): string {
  return pythonLower(pythonStrip(text));
}

function queueDbPath(root: string, scope: string): string {
  return path.join(root, 'queues', `queue-${sha256Hex(scope).slice(0, DIGEST_DIGITS)}.db`);
}

function scopeStatus(cached: string | null, derived: string | null): QueueScopeStatus {
  const marker = cached === null ? '' : pythonStrip(cached);
  if (marker === '') return 'absent';
  return marker === derived ? 'matches' : 'stale_non_authoritative';
}
