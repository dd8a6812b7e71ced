import { createHash } from 'node:crypto';
import {
  encodeEnvelope,
  parseEnvelope,
  type EventId,
  type ParsedEnvelope,
  type ProjectId,
} from '../../src/wire/index.ts';

export const PROJECT_ID = '3f2b8c64-9d0e-4a51-8c77-2b1f6e5d4c3a' as ProjectId;

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** A valid event id that depends on `n` alone. */
export function eventId(n: number): EventId {
  const digest = createHash('sha256').update(`event ${n}`).digest();
  const tail = [...digest.subarray(0, 16)].map((byte) => CROCKFORD[byte % 32]).join('');
  return `01KVYWRG00${tail}` as EventId;
}

export interface EnvelopeOptions {
  readonly projectId?: ProjectId;
  readonly id?: string;
  readonly type?: string;
  /** JSON text of the payload. */
  readonly payload?: string;
  readonly timestamp?: string;
  readonly aggregateId?: string;
  readonly lamport?: number;
}

/** The bytes of a well-formed envelope. */
export function envelopeBytes(n: number, options: EnvelopeOptions = {}): Uint8Array {
  const payload =
    options.payload ??
    `{"wp_id":"WP01","from_lane":"planned","to_lane":"claimed","actor":"tester","mission_slug":"001-demo","n":${n}}`;
  return encodeEnvelope({
    eventId: (options.id ?? eventId(n)) as EventId,
    eventType: options.type ?? 'WPStatusChanged',
    aggregateId: options.aggregateId ?? 'WP01',
    aggregateType: 'WorkPackage',
    payload: Buffer.from(payload),
    nodeId: 'a1b2c3d4e5f6',
    lamportClock: options.lamport ?? n,
    causationId: null,
    timestamp: options.timestamp ?? '2026-03-14T09:26:53.000Z',
    teamSlug: null,
    projectUuid: options.projectId ?? PROJECT_ID,
    projectSlug: 'demo',
    gitBranch: 'main',
    headCommitSha: null,
    repoSlug: null,
  });
}

/** The same, parsed. */
export function envelope(n: number, options: EnvelopeOptions = {}): ParsedEnvelope {
  const parsed = parseEnvelope(envelopeBytes(n, options));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return parsed.value;
}
