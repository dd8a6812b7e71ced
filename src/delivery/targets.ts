import {
  canonicalUrl,
  derivedId,
  EXIT,
  failed,
  ok,
  sha256Hex,
  UserError,
  type Db,
  type Millis,
  type Result,
} from '../base/index.ts';
import { PATHS, type Health } from '../wire/index.ts';
import {
  endsInBatchPath,
  parseEndpoint,
  TARGET_KINDS,
  type Endpoint,
  type StreamName,
  type TargetKind,
} from '../receivers/index.ts';

/** A place identified by canonical URL, team and user. */
export interface Target {
  readonly id: number;
  /** `tgt_<team>_<hash>`: what commands and reports call it. */
  readonly publicId: string;
  readonly kind: TargetKind;
  readonly canonicalUrl: string;
  /** Empty when there is none. */
  readonly team: string;
  readonly user: string;
  /** Where events are posted, as the operator gave it; a file path for a stub. */
  readonly postUrl: string;
  readonly allowHttp: boolean;
  /** What the receiver said last, null where it said nothing. */
  readonly instanceId: string | null;
  readonly maxBatchEvents: number | null;
  readonly maxBatchBytes: number | null;
  readonly maxConcurrentBatches: number | null;
  readonly acceptsBrotli: boolean;
  /** It said that it takes bodies. */
  readonly acceptsBodies: boolean;
  /** The same of snapshots. */
  readonly acceptsSnapshots: boolean;
}

const REGISTER = `
  INSERT INTO targets (public_id, kind, canonical_url, url_hash, team_slug, user_email, post_url, allow_http,
    first_seen_at, last_seen_at)
  VALUES (:publicId, :kind, :canonicalUrl, :urlHash, :team, :user, :postUrl, :allowHttp, :now, :now)
  ON CONFLICT (url_hash, team_slug, user_email)
  DO UPDATE SET kind = :kind, post_url = :postUrl, allow_http = :allowHttp, last_seen_at = :now,
    retired_at = NULL
  RETURNING *`;
const LIST = 'SELECT * FROM targets ORDER BY target_id';
const HEALTH = `
  UPDATE targets SET
    server_instance_id = coalesce(:instanceId, server_instance_id),
    deployment_id = coalesce(:deploymentId, deployment_id),
    environment_name = coalesce(:environmentName, environment_name),
    git_sha = coalesce(:gitSha, git_sha),
    max_batch_events = :maxEvents, max_batch_bytes = :maxBytes,
    max_concurrent_batches = :maxConcurrent, accepts_brotli = :brotli,
    accepts_bodies = max(accepts_bodies, :bodies),
    accepts_snapshots = max(accepts_snapshots, :snapshots), last_seen_at = :now
  WHERE target_id = :targetId`;
const CLAIM = `
  UPDATE targets SET team_slug = :team, user_email = :user, public_id = :publicId
  WHERE target_id = :targetId`;
const HEADERS =
  'SELECT name, env_var FROM target_headers WHERE target_id = :targetId ORDER BY name';
const FORGET_HEADERS = 'DELETE FROM target_headers WHERE target_id = :targetId';
const SET_HEADER = `
  INSERT INTO target_headers (target_id, name, env_var) VALUES (:targetId, :name, :envVar)
  ON CONFLICT (target_id, name) DO UPDATE SET env_var = :envVar`;

/** A row of `targets`. */
export interface TargetRow {
  readonly target_id: number;
  readonly public_id: string;
  readonly kind: number;
  readonly canonical_url: string;
  readonly team_slug: string;
  readonly user_email: string;
  readonly post_url: string;
  readonly allow_http: number;
  readonly server_instance_id: string | null;
  readonly max_batch_events: number | null;
  readonly max_batch_bytes: number | null;
  readonly max_concurrent_batches: number | null;
  readonly accepts_brotli: number;
  readonly accepts_bodies: number;
  readonly accepts_snapshots: number;
}

/** The identity's public name: team in the clear, the rest hashed (disk contract 5.2). */
export function targetPublicId(urlHash: string, team: string, user: string): string {
  const token = team === '' ? 'anon' : team.replaceAll(/[^A-Za-z0-9_]/g, '_');
  return derivedId(`tgt_${token}`, [urlHash, team, user]);
}

/** Where the receiver tells its limits; null when the endpoint is not below a known base. */
export function healthUrlOf(target: Target): string | null {
  if (target.kind === 'stub') return null;
  return endsInBatchPath(target.postUrl) ? `${target.canonicalUrl}${PATHS.health}` : null;
}

/** Where bodies or snapshots are pushed; null when the endpoint is not below a known base. */
export function pushUrlOf(target: Target, stream: 'bodies' | 'snapshots'): string | null {
  if (target.kind === 'stub') return null;
  return endsInBatchPath(target.postUrl) ? `${target.canonicalUrl}${PATHS[stream]}` : null;
}

/**
 * Whether items of a stream are meant for a target at all, as far as is known: a stub keeps everything, a Teamspace
 * takes it by contract, another receiver takes bodies and snapshots where it says so.
 */
export function takesStream(target: Target, stream: StreamName): boolean {
  if (stream === 'events' || target.kind === 'stub') return true;
  const isAccepted = stream === 'bodies' ? target.acceptsBodies : target.acceptsSnapshots;
  return pushUrlOf(target, stream) !== null && (target.kind === 'teamspace' || isAccepted);
}

/** Scheme, host and port of a target; null for a stub. */
export function originOf(target: Target): string | null {
  if (target.kind === 'stub') return null;
  const parsed = canonicalUrl(target.canonicalUrl);
  return parsed.ok ? parsed.value.origin : null;
}

/** Writes down a target, or refreshes the one with this identity. */
export function registerTarget(
  db: Db,
  endpoint: Endpoint,
  options: {
    readonly team: string;
    readonly user: string;
    readonly allowHttp: boolean;
    readonly now: Millis;
  },
): Target {
  const row = db.get<TargetRow>(REGISTER, {
    publicId: targetPublicId(endpoint.urlHash, options.team, options.user),
    kind: TARGET_KINDS.indexOf(endpoint.kind) + 1,
    canonicalUrl: endpoint.canonicalUrl,
    urlHash: endpoint.urlHash,
    team: options.team,
    user: options.user,
    postUrl: endpoint.postUrl,
    allowHttp: options.allowHttp ? 1 : 0,
    now: options.now,
  });
  if (row === undefined) throw new Error('a registered target comes back');
  return toTarget(row);
}

/** Every target this project ever had, oldest first. */
export function listTargets(db: Db): readonly Target[] {
  return db.all<TargetRow>(LIST).map(toTarget);
}

/**
 * The target an operator means: its public id, its URL in any spelling, or `stub:FILE`.
 * @throws UserError `target_unknown`.
 */
export function findTarget(db: Db, reference: string, cwd: string): Target {
  const wanted = understood(reference, cwd);
  const found = listTargets(db).find(
    (target) =>
      target.publicId === reference || (wanted.ok && target.canonicalUrl === wanted.value),
  );
  if (found !== undefined) return found;
  throw new UserError('target_unknown', `this project has no target ${reference}`, {
    remedy: 'spec-kitty sync targets',
    exitCode: EXIT.failed,
  });
}

/**
 * Keeps what a receiver said of itself last; that it takes bodies or snapshots it is held to, for an answer of something in front
 * of it that says nothing of them must not turn what waits into nothing. Which instance was delivered to is
 * the generation's to know.
 */
export function recordHealth(db: Db, targetId: number, health: Health, now: Millis): void {
  db.run(HEALTH, {
    targetId,
    instanceId: health.serverInstanceId,
    deploymentId: health.deploymentId,
    environmentName: health.environmentName,
    gitSha: health.gitSha,
    maxEvents: health.limits.maxEventsPerBatch ?? null,
    maxBytes: health.limits.maxDecompressedBytesPerBatch ?? null,
    maxConcurrent: health.limits.maxConcurrentBatches ?? null,
    brotli: health.capabilities.brotli ? 1 : 0,
    bodies: health.capabilities.bodies ? 1 : 0,
    snapshots: health.capabilities.snapshots ? 1 : 0,
    now,
  });
}

/** Gives a target that nobody owned its team and user. */
export function claimTarget(db: Db, target: Target, owner: { team: string; user: string }): void {
  const parsed = canonicalUrl(target.canonicalUrl);
  const hash = parsed.ok ? parsed.value.hash : sha256Hex(target.canonicalUrl);
  const publicId = targetPublicId(hash, owner.team, owner.user);
  db.run(CLAIM, { targetId: target.id, publicId, ...owner });
}

/** Header names and the environment variables that hold their values. */
export function headersOf(db: Db, targetId: number): readonly { name: string; envVar: string }[] {
  return db
    .all<{ name: string; env_var: string }>(HEADERS, { targetId })
    .map((row) => ({ name: row.name, envVar: row.env_var }));
}

/** Replaces the configured headers of a target. Values stay in the environment. */
export function setHeaders(
  db: Db,
  targetId: number,
  headers: readonly { readonly name: string; readonly envVar: string }[],
): void {
  db.run(FORGET_HEADERS, { targetId });
  for (const { name, envVar } of headers) db.run(SET_HEADER, { targetId, name, envVar });
}

/** A row of `targets` as the rest of the room sees it. */
export function toTarget(row: TargetRow): Target {
  return {
    id: row.target_id,
    publicId: row.public_id,
    kind: TARGET_KINDS[row.kind - 1] ?? 'external',
    canonicalUrl: row.canonical_url,
    team: row.team_slug,
    user: row.user_email,
    postUrl: row.post_url,
    allowHttp: row.allow_http === 1,
    instanceId: row.server_instance_id,
    maxBatchEvents: row.max_batch_events,
    maxBatchBytes: row.max_batch_bytes,
    maxConcurrentBatches: row.max_concurrent_batches,
    acceptsBrotli: row.accepts_brotli === 1,
    acceptsBodies: row.accepts_bodies === 1,
    acceptsSnapshots: row.accepts_snapshots === 1,
  };
}

function understood(reference: string, cwd: string): Result<string, null> {
  try {
    return ok(parseEndpoint(reference, { kind: 'external', allowHttp: true, cwd }).canonicalUrl);
  } catch (error) {
    if (error instanceof UserError) return failed(null);
    throw error;
  }
}
