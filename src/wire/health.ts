import { failed, ok, type Result } from '../base/index.ts';
import type { Issue } from './json/issue.ts';
import { asObject, asText, type JsonObject, member, parseJson } from './json/reader.ts';
import { MAX_TEXT_CHARS } from './limits.ts';

/** What a receiver lets one client send at once. */
export interface Limits {
  readonly maxEventsPerBatch: number;
  readonly maxDecompressedBytesPerBatch: number;
  readonly maxConcurrentBatches: number;
}

/** What a receiver can do beside taking events. */
export interface Capabilities {
  /** It accepts `content-encoding: br`. */
  readonly brotli: boolean;
  readonly bodies: boolean;
  readonly snapshots: boolean;
}

/** Whom the receiver takes the caller for. */
export interface HealthIdentity {
  readonly team: string | null;
  readonly user: string | null;
}

/** A receiver's answer about itself. What it did not say is null, absent or false. */
export interface Health {
  /** Changes when the receiver's data are others than before. */
  readonly serverInstanceId: string | null;
  readonly deploymentId: string | null;
  readonly environmentName: string | null;
  readonly gitSha: string | null;
  readonly limits: Partial<Limits>;
  readonly capabilities: Capabilities;
  readonly identity: HealthIdentity | null;
}

const LIMITS_VERSION = 'sync-ingress-limits.v1';

/**
 * Reads a health answer (wire contract 8). Unknown members are ignored, and a limit that is no positive integer
 * counts as not advertised: a receiver of another make must not be locked out by a detail.
 * @returns an issue only when the body is no JSON object.
 */
export function parseHealth(bytes: Uint8Array): Result<Health, Issue> {
  const parsed = parseJson(bytes);
  if (!parsed.ok) return parsed;
  const answer = asObject(parsed.value);
  if (answer === null) {
    return failed({ pointer: '', rule: 'wrong-type', message: 'health must be a JSON object' });
  }
  return ok({
    serverInstanceId: textOf(answer, 'server_instance_id'),
    deploymentId: textOf(answer, 'deployment_id'),
    environmentName: textOf(answer, 'environment_name'),
    gitSha: textOf(answer, 'git_sha'),
    limits: readLimits(answer),
    capabilities: readCapabilities(answer),
    identity: readIdentity(answer),
  });
}

/** The health answer of a receiver, in the wire's names; what is null is left out. */
export function encodeHealth(health: Health): JsonObject {
  return withoutNull({
    status: 'ok',
    server_instance_id: health.serverInstanceId,
    deployment_id: health.deploymentId,
    environment_name: health.environmentName,
    git_sha: health.gitSha,
    sync_ingress: {
      contract_version: LIMITS_VERSION,
      limits: withoutNull({
        max_events_per_batch: health.limits.maxEventsPerBatch ?? null,
        max_decompressed_bytes_per_batch: health.limits.maxDecompressedBytesPerBatch ?? null,
        max_concurrent_batches: health.limits.maxConcurrentBatches ?? null,
      }),
    },
    capabilities: { ...health.capabilities },
    identity: health.identity === null ? null : withoutNull({ ...health.identity }),
  });
}

function withoutNull(members: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null));
}

function readLimits(answer: JsonObject): Partial<Limits> {
  const limits = inner(inner(answer, 'sync_ingress'), 'limits');
  const events = positiveOf(limits, 'max_events_per_batch');
  const bytes = positiveOf(limits, 'max_decompressed_bytes_per_batch');
  const concurrent = positiveOf(limits, 'max_concurrent_batches');
  return {
    ...(events === null ? {} : { maxEventsPerBatch: events }),
    ...(bytes === null ? {} : { maxDecompressedBytesPerBatch: bytes }),
    ...(concurrent === null ? {} : { maxConcurrentBatches: concurrent }),
  };
}

function readCapabilities(answer: JsonObject): Capabilities {
  const named = inner(answer, 'capabilities');
  return {
    brotli: member(named, 'brotli') === true,
    bodies: member(named, 'bodies') === true,
    snapshots: member(named, 'snapshots') === true,
  };
}

function readIdentity(answer: JsonObject): HealthIdentity | null {
  const named = inner(answer, 'identity');
  const identity = { team: textOf(named, 'team'), user: textOf(named, 'user') };
  return identity.team === null && identity.user === null ? null : identity;
}

function inner(object: JsonObject, key: string): JsonObject {
  return asObject(member(object, key)) ?? {};
}

/** A text of a sane length; anything else was not said. */
function textOf(object: JsonObject, key: string): string | null {
  const text = asText(member(object, key));
  return text !== null && text !== '' && text.length <= MAX_TEXT_CHARS ? text : null;
}

function positiveOf(object: JsonObject, key: string): number | null {
  const value = member(object, key);
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : null;
}
