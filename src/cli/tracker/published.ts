import { printable } from '../../base/index.ts';
import { pushUrlOf, type DrainReport, type ItemDelivery } from '../../delivery/index.ts';
import type { KeptSnapshot, Tracking } from '../../trackers/index.ts';

/** What became of a snapshot at one target. */
export interface Published {
  readonly report: DrainReport;
  readonly delivery: ItemDelivery;
  /** What the receiver said of it in this run; null when it was not asked. */
  readonly httpStatus: number | null;
  readonly outcome: string | null;
  readonly detail: string | null;
  readonly receipt: string | null;
}

type Members = Readonly<Record<string, unknown>>;

/** The result of the contract (cli contract 15.1) for the first target, and each target by itself. */
export function publishedToJson(
  snapshot: KeptSnapshot,
  { binding }: Tracking,
  published: readonly Published[],
): Members {
  const targets = published.map(targetToJson);
  const [first] = targets;
  return {
    endpoint: first?.['endpoint'] ?? null,
    status_code: first?.['status_code'] ?? null,
    ok: targets.length > 0 && targets.every((each) => each['ok'] === true),
    body: first?.['body'] ?? null,
    idempotency_key: snapshot.idempotencyKey,
    content_hash: snapshot.sha256,
    is_new: snapshot.isNew,
    provider: binding.provider,
    workspace: binding.workspace,
    external_resource_type: snapshot.resource?.type ?? null,
    external_resource_id: snapshot.resource?.id ?? null,
    doctrine_mode: binding.doctrineMode,
    issues: snapshot.issues,
    mappings: snapshot.mappings,
    queued: published.some(({ delivery }) => isWaiting(delivery)),
    targets,
  };
}

function isWaiting({ state }: ItemDelivery): boolean {
  return state === 'queued' || state === 'unopened';
}

function targetToJson(each: Published): Members {
  const { report, delivery, httpStatus, outcome, detail, receipt } = each;
  const body: unknown = receipt === null ? null : JSON.parse(receipt);
  return {
    target_id: report.target.publicId,
    endpoint: endpointOf(report),
    status_code: httpStatus,
    ok: delivery.state === 'delivered',
    state: delivery.state,
    reason: delivery.reason,
    outcome,
    error: detail,
    body,
    blocked_reason: report.blocked?.reason ?? null,
    blocked_detail: report.blocked?.detail ?? null,
    remedy: report.blocked?.remedy ?? null,
  };
}

function endpointOf({ target }: DrainReport): string {
  return pushUrlOf(target, 'snapshots') ?? target.canonicalUrl;
}

/** The same for people. */
export function publishedLines(
  snapshot: KeptSnapshot,
  { binding }: Tracking,
  published: readonly Published[],
): readonly string[] {
  const { resource } = snapshot;
  const said = [
    `- idempotency_key: ${snapshot.idempotencyKey}`,
    `- resource: ${resource === null ? 'none' : printable(`${resource.type} ${resource.id}`)}`,
    `- authority: ${printable(binding.doctrineMode)}`,
    `- issues: ${snapshot.issues}`,
    `- mappings: ${snapshot.mappings}`,
  ];
  if (published.length === 0) {
    return ['Snapshot kept; this mode delivers nothing', ...said];
  }
  return [...published.flatMap(targetLines), ...said];
}

function targetLines({ report, delivery, httpStatus, detail }: Published): readonly string[] {
  const isOk = delivery.state === 'delivered';
  const lines = [
    titleOf(delivery),
    `- endpoint: ${endpointOf(report)}`,
    `- status_code: ${httpStatus ?? '-'}`,
    `- ok: ${isOk ? 'yes' : 'no'}`,
  ];
  if (isOk) return lines;
  const { blocked } = report;
  if (detail !== null) lines.push(`  ${printable(detail)}`);
  if (blocked !== null) lines.push(`  ${blocked.reason}: ${printable(blocked.detail)}`);
  const remedy = blocked?.remedy ?? null;
  if (remedy !== null) lines.push(`  Run \`${remedy}\`.`);
  else if (delivery.state === 'unopened' && blocked === null) {
    lines.push('  This receiver says of no snapshots that it takes them.');
  }
  return lines;
}

function titleOf(delivery: ItemDelivery): string {
  if (delivery.state === 'delivered') return 'Snapshot publish complete';
  return isWaiting(delivery)
    ? 'Snapshot queued; nothing is lost, and the next publish or `sync now` sends it'
    : `Snapshot ${delivery.state}${delivery.reason === null ? '' : ` (${delivery.reason})`}`;
}
