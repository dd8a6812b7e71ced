import { printable, type Millis } from '../../base/index.ts';
import { legacyLines } from './legacy.ts';
import type { ProjectStatus, RouteStatus } from '../../report/index.ts';
import {
  currentRoute,
  routesOf,
  sum,
  sumBooks,
  type KnownProject,
  type StatusView,
} from './status-view.ts';

const LABEL_WIDTH = 26;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The lines of `sync status`: the machine, the sum over its projects, then each project with its targets. */
export function statusLines(view: StatusView): readonly string[] {
  const lines = [
    '',
    'Spec Kitty Sync Status',
    '',
    ...machineLines(view),
    '',
    ...summaryLines(view),
  ];
  for (const project of view.projects) lines.push('', ...projectLines(view, project));
  for (const each of view.unknown) {
    lines.push('', `Project ${each.projectId}: unknown`, `  ${printable(each.error)}`);
  }
  if (view.projects.length + view.unknown.length === 0) {
    lines.push(
      '',
      'No project has recorded anything here yet: `spec-kitty init` in a repository begins.',
    );
  }
  return lines;
}

function machineLines(view: StatusView): readonly string[] {
  const { authority, saasEnabled, configFile } = view;
  const configured = authority.configuredServerUrl ?? '<unset>';
  return [
    row('SaaS Sync', saasEnabled ? 'Enabled' : 'Disabled (SPEC_KITTY_ENABLE_SAAS_SYNC=1)'),
    row('Server URL', authority.resolvedServerUrl ?? '<unset>'),
    ...(authority.overrideMode === 'none'
      ? []
      : [row('Overridden by', `SPEC_KITTY_SAAS_URL (configured: ${configured})`)]),
    row('Config File', configFile),
  ];
}

function summaryLines(view: StatusView): readonly string[] {
  const current = currentRoute(view);
  const others = routesOf(view).filter((each) => each !== current);
  const now = current === null ? 0 : sumBooks([current], 'delivered');
  const captured = sum(view.projects.map(({ status }) => status.journal.captured));
  const orMore = view.unknown.length === 0 ? '' : ' or more (not every store could be read)';
  return [
    'Event Sync',
    `  ${row('Mode', view.mode ?? 'unknown; nothing is sent')}`,
    `  ${row('Retained events', `${captured}${orMore}`)}`,
    `  ${row('Delivered (cur/prev)', `${now}/${sumBooks(others, 'delivered')}${orMore}`)}`,
    `  ${row('Terminal failures', `${sumBooks(routesOf(view), 'parked')}${orMore}`)}`,
  ];
}

function projectLines(view: StatusView, { status, copied }: KnownProject): readonly string[] {
  const name = view.projectSlug === null ? '' : `${view.projectSlug} `;
  const lines = [`Project ${name}${status.projectId}`, `  Store ${status.storePath}`];
  if (copied !== null) lines.push(`  Not writable, so a copy was read: ${printable(copied)}`);
  lines.push(...journalLines(view.now, status), ...newLines(status));
  if (status.routes.length === 0) {
    lines.push(
      '  No target: nothing is sent anywhere. `spec-kitty sync mode --help` says how to name one.',
    );
  }
  for (const each of status.routes) lines.push(...routeLines(view, each));
  return lines;
}

function journalLines(
  now: Millis,
  { journal, spill, conflicts, legacy }: ProjectStatus,
): readonly string[] {
  const { captured, ineligible, oldestCapturedAt } = journal;
  const since = oldestCapturedAt === null ? '' : `, oldest ${age(now - oldestCapturedAt)} ago`;
  const kept = ineligible === 0 ? '' : `; ${ineligible} of them never leave this machine`;
  const lines = [`  ${captured} captured${since}${kept}`];
  if (spill.files > 0) {
    lines.push(`  ${spill.events} event(s) wait beside the store: run \`spec-kitty sync import\``);
  }
  if (spill.corrupt > 0) lines.push(`  ${spill.corrupt} torn file(s) lie beside the store`);
  lines.push(...legacyLines(legacy).map((line) => `  ${line}`));
  if (conflicts > 0) lines.push(`  ${conflicts} conflicting event(s) kept aside`);
  return lines;
}

function newLines({ pending }: ProjectStatus): readonly string[] {
  if (pending === null) return [];
  const lines: string[] = [];
  if (pending.lines > 0)
    lines.push(`  ${pending.lines} new line(s) wait: run \`spec-kitty sync import\``);
  if (pending.badLines > 0) {
    lines.push(`  ${pending.badLines} bad line(s): \`spec-kitty sync import\` says which and why`);
  }
  for (const each of pending.skipped)
    lines.push(`  not read: ${printable(each.path)} ${each.reason}`);
  return lines;
}

function routeLines(view: StatusView, status: RouteStatus): readonly string[] {
  const { route, streams, coversHere, drainedBy } = status;
  const { target, blocked } = route;
  const isActive = target.publicId === view.activeTargetId;
  const marks = [
    isActive ? 'active' : '',
    route.grantedAt === null ? 'not permitted' : '',
    coversHere === false && route.grantedAt !== null ? 'not permitted in this checkout' : '',
    target.allowHttp ? 'plain http' : '',
    drainedBy === null ? '' : `process ${drainedBy} delivers now`,
  ].filter((mark) => mark !== '');
  const lines = [
    `  Target ${target.canonicalUrl}${marks.length === 0 ? '' : ` (${marks.join(', ')})`}`,
  ];
  if (isActive && coversHere === false)
    lines.push('    Nothing is sent from here before `spec-kitty sync opt-in`.');
  if (blocked !== null) {
    const { reason, detail, at } = blocked;
    lines.push(`    blocked: ${reason}, ${age(view.now - at)} ago: ${printable(detail)}`);
  }
  for (const stream of streams) lines.push(...streamLines(view.now, stream));
  return lines;
}

function streamLines(
  now: Millis,
  { facts, books }: RouteStatus['streams'][number],
): readonly string[] {
  const waiting = books.unopened + books.queued;
  const { oldestWaitingAt, pacing, aside } = facts;
  const oldest = oldestWaitingAt === null ? '' : `, the oldest for ${age(now - oldestWaitingAt)}`;
  const waits = waiting === 0 ? 'nothing waits' : `${waiting} waiting${oldest}`;
  const { lastSuccessAt } = pacing;
  const success = lastSuccessAt === null ? 'never' : `${age(now - lastSuccessAt)} ago`;
  const lines = [
    `    ${facts.stream}: ${books.delivered} delivered, ${waits}; last success: ${success}`,
  ];
  for (const { state, reason, n } of aside) {
    const listed = state === 'parked' ? ', see `spec-kitty sync parked list`' : '';
    lines.push(`      ${n} ${state}: ${reason}${listed}`);
  }
  lines.push(
    `      ${books.captured} captured = ${books.beforeStart} before the start + ${books.neverEligible} never eligible + ${books.dropped} dropped + ${books.unopened} unopened + ${books.opened} opened`,
    `      ${books.opened} opened = ${books.queued} queued + ${books.delivered} delivered + ${books.parked} parked + ${books.superseded} superseded + ${books.withheld} withheld`,
  );
  if (!books.balanced) lines.push('      DOES NOT BALANCE: an event is missing or counted twice');
  return lines;
}

function row(label: string, value: string): string {
  return `${label.padEnd(LABEL_WIDTH)}${value}`;
}

/** `3 min`, `5 h`, `12 d`: one unit is enough to act on. */
export function age(ms: Millis): string {
  if (ms < MINUTE) return `${Math.max(Math.round(ms / 1000), 0)} s`;
  if (ms < HOUR) return `${Math.round(ms / MINUTE)} min`;
  if (ms < 2 * DAY) return `${Math.round(ms / HOUR)} h`;
  return `${Math.round(ms / DAY)} d`;
}
