import type { Millis } from '../../base/index.ts';
import { targetToWire } from '../../home/index.ts';
import type { RouteStatus } from '../../report/index.ts';
import {
  currentRoute,
  routesOf,
  sum,
  sumBooks,
  type KnownProject,
  type StatusView,
} from './status-view.ts';

/**
 * The value for `--json`: the sections of the contract that exist (cli contract 3.4), and the books. A sum that an
 * unreadable store would belong to is null.
 */
export function statusToJson(view: StatusView): Readonly<Record<string, unknown>> {
  const statuses = view.projects.map(({ status }) => status);
  const routes = routesOf(view);
  const current = currentRoute(view);
  const others = routes.filter((each) => each !== current);
  const known = <T>(value: T): T | null => (view.unknown.length === 0 ? value : null);
  const pending = statuses.map((each) => each.pending?.lines ?? null);
  return {
    home: view.root,
    mode: view.mode,
    saas_enabled: view.saasEnabled,
    target_authority: targetToWire(view.authority),
    event_journal: {
      retained_event_count: known(sum(statuses.map(({ journal }) => journal.captured))),
      ineligible_event_count: known(sum(statuses.map(({ journal }) => journal.ineligible))),
      oldest_retained_event_at: known(oldestRetained(view)),
    },
    delivery_targets: {
      current: current === null ? null : targetToJson(current),
      previous: others
        .filter((each) => sumBooks([each], 'delivered') > 0)
        .map((each) => ({ ...targetToJson(each), delivered_count: sumBooks([each], 'delivered') })),
    },
    delivery_ledger: {
      delivered_current_target: known(current === null ? 0 : sumBooks([current], 'delivered')),
      delivered_previous_target: known(sumBooks(others, 'delivered')),
      waiting: known(sumBooks(routes, 'queued') + sumBooks(routes, 'unopened')),
    },
    terminal_failures: { count: known(sumBooks(routes, 'parked')) },
    conflicts: known(sum(statuses.map((each) => each.conflicts))),
    spilled_events: known(sum(statuses.map((each) => each.spill.events))),
    legacy_rows: known(sum(statuses.map((each) => each.legacy.rows))),
    unreadable_legacy_databases: statuses[0]?.legacy.unreadable ?? [],
    corrupt_spill_files: known(sum(statuses.map((each) => each.spill.corrupt))),
    // Only a checkout knows its own new lines.
    new_lines: pending.every((lines) => lines !== null) ? known(sum(pending)) : null,
    conservation: view.projects.flatMap(booksToJson),
    read_from_copy: view.projects
      .filter(({ copied }) => copied !== null)
      .map(({ status, copied }) => ({ project_uuid: status.projectId, reason: copied })),
    unknown: view.unknown.map((each) => ({ project_uuid: each.projectId, error: each.error })),
  };
}

function oldestRetained(view: StatusView): string | null {
  const oldest = view.projects
    .map(({ status }) => status.journal.oldestCapturedAt)
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
    streams.map(({ facts, books }) => ({
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
