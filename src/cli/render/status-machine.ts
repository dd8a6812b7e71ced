import { printable } from '../../base/index.ts';
import { sendTo, type HomeStatus, type StreamStatus } from '../../report/index.ts';
import type { Ping } from '../boundary/ping.ts';
import { currentRoutes, kindsWaiting, sum, sumWaiting } from './status-sums.ts';
import { age, row, tableLines } from './status-text.ts';

/** The rows of the machine, under the labels that scripts read (cli contract 3.1). */
export function machineLines(status: HomeStatus, ping: Ping | null): readonly string[] {
  const { authority, saasEnabled, configFile } = status;
  const configured = authority.configuredServerUrl ?? '<unset>';
  return [
    row('Queue', `${sumWaiting(currentRoutes(status), 'events')} event(s)`),
    row('SaaS Sync', saasEnabled ? 'Enabled' : 'Disabled (SPEC_KITTY_ENABLE_SAAS_SYNC=1)'),
    ...daemonLines(status),
    row('WebSocket', 'not used'),
    row('Last Sync', lastSync(status)),
    ...failures(status),
    row('Auth', authWord(status)),
    row('Server URL', authority.resolvedServerUrl ?? '<unset>'),
    ...(authority.overrideMode === 'none'
      ? []
      : [row('Overridden by', `SPEC_KITTY_SAAS_URL (configured: ${configured})`)]),
    row('Config File', configFile),
    ...pingLines(ping),
    ...singletonLines(status),
  ];
}

/** How what waits at the active targets is doing. */
export function healthLines(status: HomeStatus): readonly string[] {
  const streams = currentStreams(status);
  const waiting = sumWaiting(currentRoutes(status));
  if (waiting === 0) return [nothingWaits(status)];
  const total = (pick: (stream: StreamStatus) => number): number => sum(streams.map(pick));
  const few = total(({ waiting: { triedOneToThree } }) => triedOneToThree);
  const many = total(({ waiting: { triedMore } }) => triedMore);
  const later = total(({ waiting: { backingOff } }) => backingOff);
  const oldest = Math.min(
    ...streams.map(({ facts }) => facts.oldestWaitingAt).filter((at) => at !== null),
  );
  return [
    'Queue Health',
    `  ${row('Queue Depth', String(waiting))}`,
    `  ${row('Retried', String(few + many))}`,
    `  ${row('Oldest Event', `${age(status.readAt - oldest)} ago`)}`,
    `  ${row('Drain Ready', `${waiting - later} ready / ${later} blocked`)}`,
    `  ${row('0 retries', String(waiting - few - many))}`,
    `  ${row('1-3 retries', String(few))}`,
    `  ${row('4+ retries', String(many))}`,
    ...tableLines('Drain Blockers', ['Reason', 'Count', 'Remediation'], blockers(status)),
    ...tableLines(
      'Top Event Types',
      ['Event Type', 'Count'],
      kindsWaiting(status).map(({ type, n }) => [type, n]),
    ),
  ];
}

/** Why what waits does not leave, with the command for it. */
function blockers(status: HomeStatus): readonly (readonly (string | number | null)[])[] {
  return status.projects.flatMap((project) => {
    const { current } = project;
    const blocked = current?.route.blocked ?? null;
    if (current === null || blocked === null || sumWaiting([current]) === 0) return [];
    const remedy = blocked.remedy ?? sendTo(project, current);
    return [[blocked.reason, sumWaiting([current]), remedy]];
  });
}

function nothingWaits(status: HomeStatus): string {
  const isKnown = status.unknown.length === 0;
  if (!isKnown) return 'Queue unknown -- not every store could be read.';
  return currentRoutes(status).length === 0
    ? 'Queue empty -- no target is named yet.'
    : 'Queue empty -- all events synced.';
}

function currentStreams(status: HomeStatus): readonly StreamStatus[] {
  return currentRoutes(status).flatMap(({ streams }) => streams);
}

function daemonWord({ boundary: { owner } }: HomeStatus): string {
  const { program, status, path, detail } = owner;
  switch (status) {
    case 'present':
      return program === 'ours' ? 'Running' : 'Running (the Python daemon)';
    case 'unreadable':
      return `Unknown (${path}: ${printable(detail ?? '')})`;
    case 'stale':
      return `Stopped (${detail ?? ''})`;
    default:
      return 'Stopped';
  }
}

/** Whether somebody delivers in the background, and who. */
function daemonLines(status: HomeStatus): readonly string[] {
  const { owner } = status.boundary;
  const lives = owner.status === 'present' && owner.record !== null;
  return [
    row('Daemon', daemonWord(status)),
    ...(lives ? [row('Daemon PID', String(owner.record.pid))] : []),
    row('Sync Mode', lives && owner.program === 'ours' ? 'Global daemon' : 'Queue only'),
  ];
}

function lastSync(status: HomeStatus): string {
  const times = currentStreams(status)
    .map(({ facts }) => facts.pacing.lastSuccessAt)
    .filter((at) => at !== null);
  if (times.length === 0) return 'Never';
  const text = new Date(Math.max(...times)).toISOString();
  return `${text.slice(0, 10)} ${text.slice(11, 19)} UTC`;
}

function failures(status: HomeStatus): readonly string[] {
  const most = Math.max(0, ...currentStreams(status).map(({ facts }) => facts.pacing.failures));
  return most === 0 ? [] : [row('Failures', `${most} consecutive`)];
}

function authWord({ saasEnabled, isLoggedIn, loginEnded }: HomeStatus): string {
  if (!saasEnabled) return 'Disabled by feature flag';
  if (isLoggedIn) return 'Authenticated';
  return loginEnded === null ? 'Not authenticated' : `Not authenticated (${printable(loginEnded)})`;
}

/** Only a check reads the table of processes, and not every platform has one to read. */
function singletonLines({ strays }: HomeStatus): readonly string[] {
  if (strays === null) return [];
  const word =
    strays.length === 0
      ? 'OK (no orphan daemons detected)'
      : `${strays.length} orphan daemon(s) detected`;
  return [
    row('Singleton', word),
    ...strays.map(({ pid, command }) => `  PID ${pid}: ${printable(command, MAX_COMMAND)}`),
  ];
}

const MAX_COMMAND = 4_096;

function pingLines(ping: Ping | null): readonly string[] {
  if (ping === null) return [];
  return [row('Ping', ping.word), ...(ping.note === null ? [] : [row('', printable(ping.note))])];
}
