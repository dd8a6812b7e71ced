import { printable, type Millis } from '../../base/index.ts';
import { targetToWire, type ResolvedSyncTarget } from '../../home/index.ts';
import type { ProjectStatus, RouteStatus } from '../../report/index.ts';

/** A store that could not be read. */
export interface UnknownProject {
  readonly projectId: string;
  readonly error: string;
}

/** Everything `sync status` shows. */
export interface StatusView {
  readonly root: string;
  readonly configFile: string;
  readonly saasEnabled: boolean;
  readonly authority: ResolvedSyncTarget;
  readonly mode: string | null;
  /** Public id of the project's active target; null outside of a project or before one is named. */
  readonly activeTargetId: string | null;
  readonly projectSlug: string | null;
  readonly projects: readonly ProjectStatus[];
  readonly unknown: readonly UnknownProject[];
  readonly now: Millis;
}

const LABEL_WIDTH = 26;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The value for `--json`: the sections of the contract that exist (cli contract 3.4), and the books. */
export function statusToJson(view: StatusView): Readonly<Record<string, unknown>> {
  const routes = view.projects.flatMap(({ routes: all }) => all);
  const current = routes.find(({ route }) => route.target.publicId === view.activeTargetId) ?? null;
  const others = routes.filter((each) => each !== current);
  const queuedAs = (each: RouteStatus): number => sum(each, 'queued') + sum(each, 'unopened');
  return {
    home: view.root,
    mode: view.mode,
    saas_enabled: view.saasEnabled,
    target_authority: targetToWire(view.authority),
    event_journal: journalToJson(view),
    delivery_targets: {
      current: current === null ? null : targetToJson(current),
      previous: others
        .filter((each) => sum(each, 'delivered') > 0)
        .map((each) => ({ ...targetToJson(each), delivered_count: sum(each, 'delivered') })),
    },
    delivery_ledger: {
      delivered_current_target: current === null ? 0 : sum(current, 'delivered'),
      delivered_previous_target: total(others.map((each) => sum(each, 'delivered'))),
      waiting: total(routes.map(queuedAs)),
    },
    terminal_failures: { count: total(routes.map((each) => sum(each, 'parked'))) },
    conflicts: total(view.projects.map((each) => each.conflicts)),
    spilled_events: total(view.projects.map((each) => each.spill.events)),
    corrupt_spill_files: total(view.projects.map((each) => each.spill.corrupt)),
    new_lines: total(view.projects.map((each) => each.pending?.lines ?? 0)),
    conservation: view.projects.flatMap((project) => project.routes.flatMap((each) => booksToJson(project, each))),
    unknown: view.unknown.map((each) => ({ project_uuid: each.projectId, error: each.error })),
  };
}

/** The same for people. */
export function statusLines(view: StatusView): readonly string[] {
  const lines = ['', 'Spec Kitty Sync Status', ''];
  lines.push(
    row('SaaS Sync', view.saasEnabled ? 'Enabled' : 'Disabled (SPEC_KITTY_ENABLE_SAAS_SYNC=1)'),
    row('Server URL', view.authority.resolvedServerUrl ?? '<unset>'),
    row('Config File', view.configFile),
    '',
    ...summary(view),
  );
  for (const project of view.projects) lines.push(...projectLines(view, project));
  for (const each of view.unknown) {
    lines.push('', `Project ${each.projectId}: unknown`, `  ${printable(each.error)}`);
  }
  if (view.projects.length + view.unknown.length === 0) {
    lines.push('', 'No project of this home has recorded anything yet.');
  }
  return lines;
}

function summary(view: StatusView): readonly string[] {
  const json = statusToJson(view) as {
    readonly event_journal: { readonly retained_event_count: number };
    readonly delivery_ledger: {
      readonly delivered_current_target: number;
      readonly delivered_previous_target: number;
    };
    readonly terminal_failures: { readonly count: number };
  };
  const { delivered_current_target: now, delivered_previous_target: before } = json.delivery_ledger;
  return [
    'Event Sync',
    `  ${'Mode'.padEnd(LABEL_WIDTH)}${view.mode ?? 'unknown; nothing is sent'}`,
    `  ${'Retained events'.padEnd(LABEL_WIDTH)}${json.event_journal.retained_event_count}`,
    `  ${'Delivered (cur/prev)'.padEnd(LABEL_WIDTH)}${now}/${before}`,
    `  ${'Terminal failures'.padEnd(LABEL_WIDTH)}${json.terminal_failures.count}`,
  ];
}

function projectLines(view: StatusView, project: ProjectStatus): readonly string[] {
  const { journal, pending } = project;
  const lines = ['', `Project ${view.projectSlug ?? ''} ${project.projectId}`.replace('  ', ' ')];
  lines.push(`  Store ${project.storePath}`);
  const oldest = journal.oldestCapturedAt;
  const since = oldest === null ? '' : `, oldest ${age(view.now - oldest)} ago`;
  lines.push(`  ${journal.captured} captured${since}; ${journal.ineligible} may never leave`);
  const { spill } = project;
  if (spill.files > 0) lines.push(`  ${spill.events} event(s) wait beside the store: run \`spec-kitty sync import\``);
  if (spill.corrupt > 0) lines.push(`  ${spill.corrupt} torn file(s) lie beside the store`);
  if (project.conflicts > 0) lines.push(`  ${project.conflicts} conflicting event(s) kept aside`);
  if (pending !== null && pending.lines > 0) {
    lines.push(`  ${pending.lines} new line(s) wait: run \`spec-kitty sync import\``);
  }
  if (pending !== null && pending.badLines > 0) lines.push(`  ${pending.badLines} bad line(s) in kitty-specs`);
  for (const each of pending?.skipped ?? []) lines.push(`  not read: ${printable(each.path)} ${each.reason}`);
  if (project.routes.length === 0) lines.push('  No target: nothing is sent anywhere.');
  for (const each of project.routes) lines.push(...routeLines(view, each));
  return lines;
}

function routeLines(view: StatusView, status: RouteStatus): readonly string[] {
  const { route, streams, coversHere, drainedBy } = status;
  const { target } = route;
  const marks = [
    target.publicId === view.activeTargetId ? 'active' : '',
    route.grantedAt === null ? 'not granted' : '',
    coversHere === false && route.grantedAt !== null ? 'this checkout is not covered' : '',
    target.allowHttp ? 'plain http' : '',
    drainedBy === null ? '' : `process ${drainedBy} delivers now`,
  ].filter((mark) => mark !== '');
  const lines = [`  Target ${target.canonicalUrl}${marks.length === 0 ? '' : ` (${marks.join(', ')})`}`];
  if (route.blocked !== null) {
    const { reason, detail, at } = route.blocked;
    lines.push(`    blocked: ${reason}, ${age(view.now - at)} ago: ${printable(detail)}`);
  }
  for (const { facts, books } of streams) {
    lines.push(
      `    ${facts.stream}: ${books.captured} captured = ${books.beforeStart} before the start + ${books.neverEligible} never eligible + ${books.dropped} dropped + ${books.unopened} unopened + ${books.opened} opened`,
      `    opened = ${books.queued} queued + ${books.delivered} delivered + ${books.parked} parked + ${books.superseded} superseded + ${books.withheld} withheld${books.balanced ? '' : '   DOES NOT BALANCE'}`,
    );
    for (const { state, reason, n } of facts.aside) lines.push(`    ${n} ${state}: ${reason}`);
    if (facts.oldestWaitingAt !== null) {
      lines.push(`    oldest undelivered: ${age(view.now - facts.oldestWaitingAt)}`);
    }
    const { lastSuccessAt } = facts.pacing;
    lines.push(`    last success: ${lastSuccessAt === null ? 'never' : `${age(view.now - lastSuccessAt)} ago`}`);
  }
  return lines;
}

function journalToJson(view: StatusView): Readonly<Record<string, unknown>> {
  const oldest = view.projects
    .map(({ journal }) => journal.oldestCapturedAt)
    .filter((at) => at !== null);
  return {
    retained_event_count: total(view.projects.map(({ journal }) => journal.captured)),
    ineligible_event_count: total(view.projects.map(({ journal }) => journal.ineligible)),
    oldest_retained_event_at: oldest.length === 0 ? null : iso(Math.min(...oldest)),
  };
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

function booksToJson(
  project: ProjectStatus,
  status: RouteStatus,
): readonly Readonly<Record<string, unknown>>[] {
  const { route } = status;
  return status.streams.map(({ facts, books }) => ({
    project_uuid: project.projectId,
    target_id: route.target.publicId,
    canonical_url: route.target.canonicalUrl,
    stream: facts.stream,
    granted: route.grantedAt !== null,
    covers_this_checkout: status.coversHere,
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
    oldest_waiting_at: iso(facts.oldestWaitingAt),
    last_success_at: iso(facts.pacing.lastSuccessAt),
    last_error: facts.pacing.lastError,
  }));
}

type BookKey = 'queued' | 'delivered' | 'parked' | 'unopened';

function sum(status: RouteStatus, key: BookKey): number {
  return total(status.streams.map(({ books }) => books[key]));
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((all, each) => all + each, 0);
}

function row(label: string, value: string): string {
  return `${label.padEnd(LABEL_WIDTH)}${value}`;
}

function iso(at: Millis | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}

/** `3 min`, `5 h`, `12 d`: one unit is enough to act on. */
export function age(ms: Millis): string {
  if (ms < MINUTE) return `${Math.max(Math.round(ms / 1000), 0)} s`;
  if (ms < HOUR) return `${Math.round(ms / MINUTE)} min`;
  if (ms < 2 * DAY) return `${Math.round(ms / HOUR)} h`;
  return `${Math.round(ms / DAY)} d`;
}
