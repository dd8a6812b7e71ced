import { printable, type Millis } from '../../base/index.ts';
import type { DrainReport, QueueFacts, StreamReport } from '../../delivery/index.ts';
import type { StreamStatus } from '../../report/index.ts';

/** More than these are counted instead of listed. */
const MAX_ROWS = 30;
const MAX_GROUPS = 10;

/** The words of an upload's end (cli contract), by what the receiver said. */
const UPLOAD_WORDS = {
  success: 'uploaded',
  duplicate: 'already_exists',
  pending: 'queued',
  rejected: 'failed',
  transient: 'failed',
  terminal_failed: 'failed',
} as const satisfies Record<keyof StreamReport['outcomes'], string>;

/** What became of each body in a drain: a row each, counts when there are many and nobody asked for all. */
export function uploadLines(bodies: StreamReport, isVerbose: boolean): readonly string[] {
  const { selected, outcomes, accepted, failures, damaged } = bodies;
  const failed = outcomes.rejected + outcomes.transient + outcomes.terminal_failed;
  if (selected + damaged.length === 0) return [];
  const lines = [
    `Body uploads: uploaded ${outcomes.success}  already there ${outcomes.duplicate}  failed ${failed}  (selected ${selected})`,
  ];
  if (isVerbose || accepted.length <= MAX_ROWS) {
    for (const { id, outcome } of accepted)
      lines.push(`  ${UPLOAD_WORDS[outcome].padEnd(14)} ${printable(id)}`);
  }
  for (const each of isVerbose ? failures : failures.slice(0, MAX_ROWS)) {
    const why = [each.category, each.detail].filter((text) => text !== null).join(': ');
    lines.push(`  ${'failed'.padEnd(14)} ${printable(`${each.id}  ${why}`)}`);
  }
  if (!isVerbose && failures.length > MAX_ROWS)
    lines.push(`  … and ${failures.length - MAX_ROWS} more`);
  for (const id of damaged) {
    lines.push(`  damaged        ${printable(id)}: its stored bytes changed; it was not sent`);
  }
  return lines;
}

/** The same as data. */
export function uploadsToJson({ bodies }: DrainReport): Readonly<Record<string, unknown>> {
  const { selected, outcomes, accepted, failures, damaged, requests } = bodies;
  return {
    selected,
    requests,
    uploaded: outcomes.success,
    already_exists: outcomes.duplicate,
    failed: outcomes.rejected + outcomes.transient + outcomes.terminal_failed,
    outcomes: [
      ...accepted.map(({ id, outcome }) => ({
        artifact: id,
        status: UPLOAD_WORDS[outcome],
        reason: null,
        retryable: false,
        http_status: null,
        error: null,
      })),
      ...failures.map((each) => ({
        artifact: each.id,
        status: UPLOAD_WORDS[each.outcome],
        reason: each.category,
        retryable: each.outcome !== 'terminal_failed',
        http_status: each.httpStatus,
        error: each.detail,
      })),
    ],
    damaged,
  };
}

/** The queue of bodies at one target, for `sync status`. */
export function queueLines(
  now: Millis,
  { facts, books, isTaken }: StreamStatus,
): readonly string[] {
  const { queue } = facts;
  if (queue === null) return [];
  const depth = books.unopened + books.queued;
  if (!isTaken) {
    return depth === 0
      ? []
      : [`      ${depth} kept here: this receiver says of no bodies that it takes them`];
  }
  const lines: string[] = [];
  if (books.queued > 0) {
    const { ages, attempts } = queue;
    lines.push(
      `      ${queue.ready} ready, ${queue.inBackoff} in backoff; tried 0: ${attempts.none}, 1-4: ${attempts.few}, 5-20: ${attempts.many}, more: ${attempts.most}`,
      `      kept for less than an hour: ${ages.hour}, a day: ${ages.day}, a week: ${ages.week}, longer: ${ages.older}`,
    );
  }
  for (const each of queue.waiting) {
    const why = each.reason === null ? '' : ` (${printable(each.reason)})`;
    const remedy = each.event === 'parked' ? ': `spec-kitty sync parked retry` lets them go' : '';
    lines.push(`      ${each.n} wait for their event, which is ${each.event}${why}${remedy}`);
  }
  if (queue.neverIndexed > 0) {
    lines.push(
      `      ${queue.neverIndexed} are unknown to the receiver's index since more than a day`,
    );
  }
  for (const { name, n } of queue.groups.slice(0, MAX_GROUPS))
    lines.push(`      ${n} of ${printable(name)}`);
  if (queue.groups.length > MAX_GROUPS)
    lines.push(`      … and ${queue.groups.length - MAX_GROUPS} more missions`);
  for (const each of queue.failures) {
    const why = [`HTTP ${each.httpStatus ?? '-'}`, each.category, each.detail];
    const seconds = Math.round((now - each.at) / 1000);
    const said = why.filter((text) => text !== null).join(' ');
    lines.push(`      failed ${seconds} s ago: ${printable(`${each.id}  ${said}`)}`);
  }
  return lines;
}

/** The body block of `sync status --json`, under the names of the contract with ours beside them. */
export function queueToJson(
  now: Millis,
  streams: readonly StreamStatus[],
): Readonly<Record<string, unknown>> {
  const known = streams.flatMap(({ facts, books }) =>
    facts.queue === null ? [] : [{ facts, books, queue: facts.queue }],
  );
  const total = (of: (each: (typeof known)[number]) => number): number =>
    known.reduce((sum, each) => sum + of(each), 0);
  const oldest = known.flatMap(({ facts }) => facts.oldestWaitingAt ?? []);
  const waiting = known.flatMap(({ queue }) => queue.waiting);
  return {
    total_tasks: total(({ books }) => books.unopened + books.queued),
    ready_to_send: total(({ queue }) => queue.ready),
    in_backoff: total(({ queue }) => queue.inBackoff),
    waiting: waiting.map(({ event, reason, n }) => ({ event, reason, count: n })),
    max_retry_count: Math.max(0, ...known.map(({ queue }) => queue.maxAttempts)),
    oldest_task_age_seconds:
      oldest.length === 0 ? null : Math.max(0, Math.round((now - Math.min(...oldest)) / 1000)),
    age_distribution: summed(known.map(({ queue }) => queue.ages)),
    retry_distribution: summed(known.map(({ queue }) => queue.attempts)),
    never_indexed: total(({ queue }) => queue.neverIndexed),
    parked: total(({ books }) => books.parked),
    recorded_failure_count: total(({ queue }) => queue.failures.length),
    namespaces: known.flatMap(({ queue }) => queue.groups),
    recent_failures: known.flatMap(({ queue }) => queue.failures.map(failureToJson)),
  };
}

function failureToJson(each: QueueFacts['failures'][number]): Readonly<Record<string, unknown>> {
  return {
    artifact: each.id,
    mission: each.mission,
    parked: each.isParked,
    http_status: each.httpStatus,
    reason: each.category,
    error: each.detail,
    at: new Date(each.at).toISOString(),
  };
}

function summed(
  all: readonly Readonly<Record<string, number>>[],
): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const each of all)
    for (const [key, n] of Object.entries(each)) sums[key] = (sums[key] ?? 0) + n;
  return sums;
}
