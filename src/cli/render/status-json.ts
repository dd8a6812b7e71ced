import type { Millis } from '../../base/index.ts';
import { targetToWire } from '../../home/index.ts';
import type { HomeStatus, KnownProject, ProjectStatus, RouteStatus } from '../../report/index.ts';
import { queueToJson } from './bodies.ts';
import { legacyToJson } from './legacy.ts';
import { boundaryToJson } from './status-boundary.ts';
import {
  currentRoutes,
  previousRoutes,
  routesOf,
  sum,
  sumBooks,
  sumWaiting,
} from './status-sums.ts';

/**
 * The value for `--json`: the members of the contract (cli contract 3.4), summed over the home, and the books. A sum
 * that an unreadable store would belong to is null: unknown is no number.
 */
export function statusToJson(status: HomeStatus): Readonly<Record<string, unknown>> {
  const known = <T>(value: T): T | null => (status.unknown.length === 0 ? value : null);
  const statuses = status.projects.map((project) => project.status);
  const pending = statuses.flatMap((each) => (each.pending === null ? [] : [each.pending.lines]));
  return {
    home: status.root,
    saas_enabled: status.saasEnabled,
    mode: status.projects.find(({ isHere }) => isHere)?.mode ?? null,
    ...boundaryToJson(status),
    target_authority: targetToWire(status.authority),
    event_journal: {
      retained_event_count: known(
        sum(statuses.map(({ journal, retention }) => journal.captured - retention.away.events)),
      ),
      archived_event_count: known(sum(statuses.map(({ retention }) => retention.away.archived))),
      dropped_event_count: known(sum(statuses.map(({ retention }) => retention.away.events))),
      quarantined_event_count: known(sum(statuses.map(({ retention }) => retention.quarantined))),
      journal_size_bytes: known(sum(statuses.map(({ retention }) => retention.usedBytes))),
      gc_suggested: statuses.some(({ retention }) => retention.suggestsGc),
      gc_suggestion: suggestionOf(statuses),
      ineligible_event_count: known(sum(statuses.map(({ journal }) => journal.ineligible))),
      oldest_retained_event_at: known(oldestRetained(status)),
    },
    ...deliverySections(status),
    conflicts: known(sum(statuses.map((each) => each.conflicts))),
    spilled_events: known(sum(statuses.map((each) => each.spill.events))),
    corrupt_spill_files: known(sum(statuses.map((each) => each.spill.corrupt))),
    ...legacyToJson(status),
    // Only a checkout knows its own new lines.
    new_lines: pending.length === 0 ? null : sum(pending),
    projects: status.projects.map(projectToJson),
    conservation: status.projects.flatMap(booksToJson),
    unknown: status.unknown.map((each) => ({
      project_uuid: each.projectId,
      project_slug: each.slug,
      error: each.error,
      damaged: each.isDamaged,
    })),
  };
}

function deliverySections(status: HomeStatus): Readonly<Record<string, unknown>> {
  const known = <T>(value: T): T | null => (status.unknown.length === 0 ? value : null);
  const [current, previous, all] = [
    currentRoutes(status),
    previousRoutes(status),
    routesOf(status).filter(({ route }) => route.grantedAt !== null),
  ];
  const [first] = status.projects;
  const waiting = all.flatMap(({ streams }) =>
    streams.filter(({ facts }) => facts.stream === 'events'),
  );
  const rejected = sum(waiting.map((each) => each.waiting.rejected));
  const transient = sum(waiting.map((each) => each.waiting.transient));
  return {
    delivery_targets: {
      current: first?.current == null ? null : targetToJson(first.current),
      previous: previous
        .filter((each) => sumBooks([each], 'delivered', 'events') > 0)
        .map((each) => ({
          ...targetToJson(each),
          delivered_count: sumBooks([each], 'delivered', 'events'),
        })),
    },
    delivery_ledger: {
      delivered_current_target: known(sumBooks(current, 'delivered', 'events')),
      delivered_previous_target: known(sumBooks(previous, 'delivered', 'events')),
      waiting: known(sumWaiting(all, 'events')),
      pending: known(sumBooks(all, 'queued', 'events') - rejected - transient),
      rejected: known(rejected),
      transient: known(transient),
    },
    terminal_failures: {
      count: known(sumBooks(routesOf(status), 'parked', 'events')),
      // The first of them; `sync parked list` has all.
      events: status.projects.flatMap((project) => parkedToJson(project.status)),
    },
    body_queue: known(
      queueToJson(
        status.readAt,
        current.flatMap(({ streams }) => streams),
      ),
    ),
  };
}

function parkedToJson({ parked }: ProjectStatus): readonly Readonly<Record<string, unknown>>[] {
  return parked
    .filter(({ stream }) => stream === 'events')
    .map(({ id, targetId, code, detail }) => ({
      event_id: id,
      target_id: targetId,
      code,
      last_error: detail,
    }));
}

function suggestionOf(
  statuses: readonly ProjectStatus[],
): Readonly<Record<string, unknown>> | null {
  const large = statuses.filter(({ retention }) => retention.suggestsGc);
  if (large.length === 0) return null;
  return {
    reason: 'large, and delivered to every registered target',
    retained_event_count: sum(
      large.map(({ journal, retention }) => journal.captured - retention.away.events),
    ),
    journal_size_bytes: sum(large.map(({ retention }) => retention.usedBytes)),
  };
}

function projectToJson(project: KnownProject): Readonly<Record<string, unknown>> {
  const { status, current } = project;
  return {
    project_uuid: status.projectId,
    project_slug: project.slug,
    here: project.isHere,
    store: status.storePath,
    read_from_copy: project.copied,
    mode: project.mode,
    mode_source: project.modeSource,
    active_target_id: current?.route.target.publicId ?? null,
    retained_event_count: status.journal.captured,
    waiting: current === null ? null : sumWaiting([current]),
  };
}

function oldestRetained(status: HomeStatus): string | null {
  const oldest = status.projects
    .map((project) => project.status.journal.oldestCapturedAt)
    .filter((at) => at !== null);
  return oldest.length === 0 ? null : iso(Math.min(...oldest));
}

function targetToJson({ route }: RouteStatus): Readonly<Record<string, unknown>> {
  const { target } = route;
  return {
    target_id: target.publicId,
    canonical_url: target.canonicalUrl,
    team_slug: target.team,
    user_email: target.user,
  };
}

function booksToJson({ status }: KnownProject): readonly Readonly<Record<string, unknown>>[] {
  return status.routes.flatMap(({ route, coversHere, streams }) =>
    streams.map(({ facts, books, replaying }) => ({
      project_uuid: status.projectId,
      target_id: route.target.publicId,
      canonical_url: route.target.canonicalUrl,
      stream: facts.stream,
      granted: route.grantedAt !== null,
      covers_this_checkout: coversHere,
      captured: books.captured,
      before_start: books.beforeStart,
      never_eligible: books.neverEligible,
      dropped: books.dropped,
      unopened: books.unopened,
      opened: books.opened,
      queued: books.queued,
      delivered: books.delivered,
      parked: books.parked,
      superseded: books.superseded,
      withheld: books.withheld,
      balanced: books.balanced,
      replaying,
      aside: facts.aside,
      blocked_reason: route.blocked?.reason ?? null,
      blocked_detail: route.blocked?.detail ?? null,
      blocked_at: iso(route.blocked?.at ?? null),
      oldest_waiting_at: iso(facts.oldestWaitingAt),
      last_success_at: iso(facts.pacing.lastSuccessAt),
      last_error: facts.pacing.lastError,
    })),
  );
}

function iso(at: Millis | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
