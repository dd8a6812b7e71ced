import { printable, type Millis } from '../../base/index.ts';
import type {
  HomeStatus,
  KnownProject,
  ProjectStatus,
  RouteStatus,
  StreamStatus,
} from '../../report/index.ts';
import { queueLines } from './bodies.ts';
import { legacyLines, sourceLines } from './legacy.ts';
import { boundaryLines } from './status-boundary.ts';
import type { Ping } from '../boundary/ping.ts';
import { healthLines, machineLines } from './status-machine.ts';
import { currentRoutes, previousRoutes, routesOf, sum, sumBooks } from './status-sums.ts';
import { age, row } from './status-text.ts';

/** The lines of `sync status`: the machine, what waits, the identity boundary, the sums, then each project. */
export function statusLines(status: HomeStatus, ping: Ping | null): readonly string[] {
  const lines = [
    '',
    'Spec Kitty Sync Status',
    '',
    ...machineLines(status, ping),
    '',
    ...healthLines(status),
    '',
    ...boundaryLines(status),
    '',
    ...summaryLines(status),
    ...sourceLines(status.legacy),
  ];
  for (const project of status.projects) lines.push('', ...projectLines(status, project));
  for (const each of status.unknown) {
    const name = each.slug === null ? '' : `${printable(each.slug)} `;
    lines.push('', `Project ${name}${each.projectId}: unknown`, `  ${printable(each.error)}`);
  }
  if (status.projects.length + status.unknown.length === 0) {
    lines.push(
      '',
      'No project has recorded anything here yet: `spec-kitty init` in a repository begins.',
    );
  }
  return lines;
}

function summaryLines(status: HomeStatus): readonly string[] {
  const captured = sum(
    status.projects.map(({ status: each }) => each.journal.captured - each.retention.away.events),
  );
  const bad = sum(status.projects.map((project) => project.status.retention.quarantined));
  const isLarge = status.projects.some((project) => project.status.retention.suggestsGc);
  const orMore = status.unknown.length === 0 ? '' : ' or more (not every store could be read)';
  const ratio = [currentRoutes(status), previousRoutes(status)]
    .map((routes) => sumBooks(routes, 'delivered', 'events'))
    .join('/');
  return [
    'Event Sync',
    `  ${row('Mode', modeOf(status))}`,
    `  ${row('Retained events', `${captured}${orMore}`)}`,
    `  ${row('Delivered (cur/prev)', `${ratio}${orMore}`)}`,
    `  ${row('Terminal failures', `${sumBooks(routesOf(status), 'parked', 'events')}${orMore}`)}`,
    ...(bad === 0 ? [] : [`  ${row('In quarantine', `${bad}, never sent`)}`]),
    ...(isLarge ? ['  GC suggested: run `spec-kitty sync gc`'] : []),
  ];
}

/** The one mode of all projects, or that they differ. */
function modeOf({ projects, unknown }: HomeStatus): string {
  const modes = new Set(projects.map(({ mode }) => mode ?? 'unknown; nothing is sent'));
  if (modes.size > 1) return 'differs by project';
  return [...modes][0] ?? (unknown.length > 0 ? 'unknown; nothing is sent' : 'TEAMSPACE');
}

function projectLines(view: HomeStatus, project: KnownProject): readonly string[] {
  const { status, copied, slug } = project;
  const name = slug === null ? '' : `${printable(slug)} `;
  const lines = [`Project ${name}${status.projectId}`, `  Store ${status.storePath}`];
  if (copied !== null) lines.push(`  Not writable, so a copy was read: ${printable(copied)}`);
  lines.push(...journalLines(view.readAt, status), ...newLines(status));
  if (status.routes.length === 0) {
    lines.push(
      '  No target: nothing is sent anywhere. `spec-kitty sync mode --help` says how to name one.',
    );
  }
  for (const each of status.routes) {
    lines.push(...routeLines(view.readAt, each, each === project.current));
  }
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

function routeLines(now: Millis, status: RouteStatus, isActive: boolean): readonly string[] {
  const { route, streams, coversHere, drainedBy } = status;
  const { target, blocked } = route;
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
    lines.push(`    blocked: ${reason}, ${age(now - at)} ago: ${printable(detail)}`);
  }
  for (const stream of streams) lines.push(...streamLines(now, stream));
  return lines;
}

function streamLines(now: Millis, stream: StreamStatus): readonly string[] {
  const { facts, books, isTaken } = stream;
  const waiting = books.unopened + books.queued;
  const { oldestWaitingAt, pacing, aside } = facts;
  const oldest = oldestWaitingAt === null ? '' : `, the oldest for ${age(now - oldestWaitingAt)}`;
  const waits = waiting === 0 || !isTaken ? 'nothing waits' : `${waiting} waiting${oldest}`;
  const { lastSuccessAt } = pacing;
  const success = lastSuccessAt === null ? 'never' : `${age(now - lastSuccessAt)} ago`;
  const lines = [
    `    ${facts.stream}: ${books.delivered} delivered, ${waits}; last success: ${success}`,
  ];
  for (const { state, reason, n } of aside) {
    const listed = state === 'parked' ? ', see `spec-kitty sync parked list`' : '';
    lines.push(`      ${n} ${state}: ${reason}${listed}`);
  }
  lines.push(...queueLines(now, stream));
  if (stream.replaying > 0)
    lines.push(`      ${stream.replaying} of a replay wait to be sent again`);
  lines.push(
    `      ${books.captured} captured = ${books.beforeStart} before the start + ${books.neverEligible} never eligible + ${books.dropped} dropped + ${books.unopened} unopened + ${books.opened} opened`,
    `      ${books.opened} opened = ${books.queued} queued + ${books.delivered} delivered + ${books.parked} parked + ${books.superseded} superseded + ${books.withheld} withheld`,
  );
  if (!books.balanced) lines.push('      DOES NOT BALANCE: an item is missing or counted twice');
  return lines;
}
