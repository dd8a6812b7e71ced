import { isUtf8 } from 'node:buffer';
import { sha256Hex } from '../base/index.ts';
import type { OutboundItem } from '../receivers/index.ts';
import {
  asObject,
  isKnownType,
  judgePayload,
  parseEnvelope,
  type Envelope,
  type Issue,
} from '../wire/index.ts';
import type { WaitingEvent } from './waiting.ts';

/** What is wrong with one waiting event. */
export interface Diagnosis {
  readonly eventId: string;
  readonly eventType: string;
  /** Nothing is wrong with it, as far as this program can know. */
  readonly valid: boolean;
  readonly errors: readonly string[];
  /** What a strict receiver may mind, and no error here. */
  readonly notes: readonly string[];
  readonly category: 'schema_mismatch' | 'damaged' | null;
}

/** What is wrong with one waiting body. */
export interface BodyDiagnosis {
  readonly id: string;
  readonly valid: boolean;
  readonly errors: readonly string[];
}

const UNKNOWN_TYPE =
  'is in no catalogue of ours; it travels as it is, and a strict receiver refuses it';

/**
 * Judges one event as a receiver that checks everything would, without asking one: its stored bytes, its envelope
 * and its payload.
 */
export function diagnose(event: WaitingEvent): Diagnosis {
  const { eventId, type: eventType, bytes, isSetAside } = event;
  const about = { eventId, eventType, notes: [] };
  if (isSetAside || bytes === null) {
    const error = 'bytes: set aside as damaged, so they are not sent';
    return { ...about, valid: false, errors: [error], category: 'damaged' };
  }
  if (sha256Hex(bytes) !== event.sha256) {
    const error = 'bytes: not those that were captured, so they are not sent';
    return { ...about, valid: false, errors: [error], category: 'damaged' };
  }
  const parsed = parseEnvelope(bytes);
  if (!parsed.ok)
    return mismatch(
      about,
      parsed.error.map((issue) => worded('envelope', issue)),
    );
  if (!isKnownType(eventType)) {
    const notes = [`event_type: ${eventType} ${UNKNOWN_TYPE}`];
    return { ...about, notes, valid: true, errors: [], category: null };
  }
  const issues = payloadIssues(parsed.value.envelope);
  if (issues.length > 0)
    return mismatch(
      about,
      issues.map((issue) => worded('payload', issue)),
    );
  return { ...about, valid: true, errors: [], category: null };
}

/** Judges one body: its stored text is what was captured, and text that can be sent. */
export function diagnoseBody(item: Pick<OutboundItem, 'id' | 'sha256' | 'bytes'>): BodyDiagnosis {
  const { id, sha256, bytes } = item;
  const errors: string[] = [];
  if (sha256Hex(bytes) !== sha256) errors.push('text: not the one that was kept, so it is refused');
  else if (!isUtf8(bytes)) errors.push('text: not UTF-8');
  return { id, valid: errors.length === 0, errors };
}

function mismatch(
  about: Pick<Diagnosis, 'eventId' | 'eventType' | 'notes'>,
  errors: readonly string[],
): Diagnosis {
  return { ...about, valid: false, errors, category: 'schema_mismatch' };
}

function payloadIssues({ eventType, payload }: Envelope): readonly Issue[] {
  const object = asObject(payload);
  if (object === null) return [{ pointer: '', rule: 'type', message: 'must be an object' }];
  return judgePayload(eventType, object);
}

function worded(part: string, { pointer, message }: Issue): string {
  return `${part}${pointer}: ${message}`;
}
