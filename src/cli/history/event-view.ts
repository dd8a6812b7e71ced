import { printable, sha256Hex } from '../../base/index.ts';
import type { EventHistory } from '../../delivery/index.ts';

type TargetHistory = EventHistory['targets'][number];
type PassHistory = TargetHistory['passes'][number];
type BatchHistory = PassHistory['batches'][number];

const MAX_PAYLOAD = 65_536;

/** Whether the bytes that are there are still those that were captured; null where there are none. */
export function isIntact({ payload, sha256 }: EventHistory): boolean | null {
  return payload === null ? null : sha256Hex(payload) === sha256;
}

/** One event with its bytes and everything that became of it, under the names of reports. */
export function historyToJson(event: EventHistory): Readonly<Record<string, unknown>> {
  return {
    event_id: event.id,
    event_type: event.type,
    aggregate_type: event.aggregateType,
    aggregate_id: event.aggregateId,
    mission: event.mission,
    eligible: event.eligible,
    coalesce_key: event.coalesceKey,
    sha256: event.sha256,
    bytes: event.bytes,
    intact: isIntact(event),
    // As text: parsed and printed again it would be other bytes.
    payload: event.payload === null ? null : Buffer.from(event.payload).toString('utf8'),
    payload_released:
      event.released === null
        ? null
        : { reason: event.released.reason, at: isoOf(event.released.at) },
    occurred_at: isoOf(event.occurredAt),
    captured_at: isoOf(event.capturedAt),
    checkout: event.checkout,
    provenance:
      event.provenance === null
        ? null
        : {
            path: event.provenance.path,
            line: event.provenance.line,
            stated_project_uuid: event.provenance.statedProjectId,
          },
    conflicts: event.conflicts,
    targets: event.targets.map((target) => ({
      target_id: target.targetId,
      canonical_url: target.canonicalUrl,
      standing: target.standing,
      deliveries: target.passes.map(passToJson),
    })),
  };
}

/** The same for people. Everything foreign is made safe to show. */
export function historyLines(event: EventHistory): readonly string[] {
  return [
    `${event.id}  ${event.type}`,
    `  About      ${event.aggregateType} ${event.aggregateId}${event.mission === null ? '' : `, mission ${event.mission}`}`,
    `  Happened   ${isoOf(event.occurredAt)}`,
    `  Recorded   ${isoOf(event.capturedAt)}${event.checkout === null ? '' : ` in ${event.checkout}`}`,
    ...provenanceLines(event),
    `  SHA-256    ${event.sha256}  (${event.bytes} bytes)`,
    `  Payload    ${payloadText(event)}`,
    ...(event.conflicts === 0
      ? []
      : [`  ${event.conflicts} other fact(s) came under this id and were not kept.`]),
    ...(event.eligible ? [] : ['  It stays on this machine.']),
    ...(event.targets.length === 0 ? ['  No target was ever named.'] : []),
    ...event.targets.flatMap(targetLines),
  ].map((line) => printable(line, MAX_PAYLOAD));
}

function provenanceLines({ provenance }: EventHistory): readonly string[] {
  if (provenance === null) return [];
  const { path, line, statedProjectId } = provenance;
  const stated = statedProjectId === null ? '' : `, where it names project ${statedProjectId}`;
  return [`  Read from  ${path} line ${line}${stated}`];
}

function payloadText(event: EventHistory): string {
  const { payload, released } = event;
  if (payload === null) {
    return released === null
      ? 'is missing, and nothing says why: the store is damaged'
      : `dropped (${released.reason}, ${isoOf(released.at)}); id, hash and history stay`;
  }
  const damage = isIntact(event) === false ? 'DAMAGED, never sent: ' : '';
  return damage + Buffer.from(payload).toString('utf8');
}

const STANDINGS: Readonly<Record<TargetHistory['standing'], string>> = {
  queued: 'queued',
  delivered: 'delivered',
  parked: 'parked',
  superseded: 'superseded',
  withheld: 'withheld',
  before_start: 'before the start of the permission',
  never_eligible: 'may never leave',
  dropped: 'skipped: its payload was dropped before it was opened',
  unopened: 'not opened yet',
};

function targetLines(target: TargetHistory): readonly string[] {
  return [
    `  ${target.canonicalUrl}  ${STANDINGS[target.standing]}  ${target.targetId}`,
    ...target.passes.flatMap(passLines),
  ];
}

function passLines(pass: PassHistory): readonly string[] {
  const { kind, number, isOpen, state, reason, outcome, attempts } = pass;
  const said = [state, reason === null ? null : `(${reason})`, outcome].filter(
    (each) => each !== null,
  );
  return [
    `    ${kind} ${number}${isOpen ? '' : ', over'}: ${said.join(' ')}, ${attempts} answer(s)`,
    ...pass.batches.map(batchLine),
    ...pass.tries.map(
      (each) =>
        `      ${isoOf(each.at)}  ${each.outcome}  HTTP ${each.httpStatus ?? '-'}  ${[each.category, each.detail].filter((text) => text !== null).join(': ')}`,
    ),
  ];
}

function batchLine(batch: BatchHistory): string {
  const { id, items, isCertain, startedAt, endedAt, httpStatus, result } = batch;
  const end = endedAt === null ? 'under way' : `${result ?? '-'}, HTTP ${httpStatus ?? '-'}`;
  const maybe = isCertain ? '' : ' (may have held it)';
  return `      ${isoOf(startedAt)}  batch ${id} of ${items}${maybe}: ${end}`;
}

function passToJson(pass: PassHistory): Readonly<Record<string, unknown>> {
  return {
    generation: pass.number,
    kind: pass.kind,
    open: pass.isOpen,
    state: pass.state,
    reason: pass.reason,
    outcome: pass.outcome,
    attempts: pass.attempts,
    due_at: pass.dueAt === 0 ? null : isoOf(pass.dueAt),
    batches: pass.batches.map((batch) => ({
      batch_id: batch.id,
      items: batch.items,
      certain: batch.isCertain,
      started_at: isoOf(batch.startedAt),
      ended_at: batch.endedAt === null ? null : isoOf(batch.endedAt),
      http_status: batch.httpStatus,
      result: batch.result,
    })),
    history: pass.tries.map((each) => ({
      at: isoOf(each.at),
      outcome: each.outcome,
      http_status: each.httpStatus,
      category: each.category,
      error: each.detail,
    })),
  };
}

function isoOf(at: number): string {
  return new Date(at).toISOString();
}
