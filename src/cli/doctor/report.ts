import { printable, quoted, type Millis } from '../../base/index.ts';
import type { QueueFailure } from '../../delivery/index.ts';
import { sessionFor, type Session } from '../../home/index.ts';
import type { HomeStatus, KnownProject, StreamStatus } from '../../report/index.ts';
import { ownerToJson } from '../boundary/words.ts';
import type { Ping } from '../boundary/ping.ts';
import type { Context } from '../io.ts';
import { currentRoutes, kindsWaiting, sumWaiting } from '../render/status-sums.ts';
import { age, row, tableLines } from '../render/status-text.ts';

/** The rows and tables of `sync doctor` (cli contract 9). */
export function doctorLines(
  context: Context,
  status: HomeStatus,
  ping: Ping | null,
): readonly string[] {
  const { authority, maxQueueSize } = status;
  const queued = sumWaiting(currentRoutes(status), 'events');
  const oldest = oldestEvent(status);
  return [
    row('Queue size', `${queued} / ${maxQueueSize} (${percent(queued, maxQueueSize)}%)`),
    row('Oldest event', oldest === null ? 'none waits' : `${age(status.readAt - oldest)} ago`),
    row('Queue DB', status.boundary.foreground.queueDbPath),
    row(
      'Body uploads',
      `${sumWaiting(currentRoutes(status), 'bodies')} queued, ${recordedFailures(status)} recorded failure(s)`,
    ),
    row('Server URL', authority.resolvedServerUrl ?? '<unset>'),
    ...loginRows(sessionOf(context, status), status.readAt),
    row('User', authority.userId ?? '<unset>'),
    row('Team', authority.teamSlug ?? '<unset>'),
    row('Server', ping?.word ?? 'not asked'),
    ...(ping?.note == null ? [] : [row('', printable(ping.note))]),
    row('Daemon singleton', singleton(status)),
    ...tables(status),
  ];
}

/** The same as data. */
export function doctorToJson(
  context: Context,
  status: HomeStatus,
): Readonly<Record<string, unknown>> {
  const { authority, maxQueueSize, strays, boundary } = status;
  const queued = sumWaiting(currentRoutes(status), 'events');
  const session = sessionOf(context, status);
  const { upstream } = boundary;
  const orphan = upstream.status === 'orphan';
  return {
    queue: {
      size: queued,
      max: maxQueueSize,
      percent: percent(queued, maxQueueSize),
      oldest_event_at: iso(oldestEvent(status)),
      db_path: boundary.foreground.queueDbPath,
    },
    body_uploads: {
      queued: sumWaiting(currentRoutes(status), 'bodies'),
      recorded_failures: recordedFailures(status),
    },
    server_url: authority.resolvedServerUrl,
    user: authority.userId,
    team: authority.teamSlug,
    auth: {
      present: session !== null,
      access_token_expires_at: iso(session?.accessExpiresAt ?? null),
      refresh_token_expires_at: iso(session?.refreshExpiresAt ?? null),
    },
    // Null where nobody can look.
    orphan_processes: strays,
    top_event_types: kindsWaiting(status).map(({ type, n }) => ({ event_type: type, count: n })),
    recent_body_upload_failures: failedUploads(status).map((each) => ({
      artifact: artifactOf(each),
      mission: each.mission,
      count: each.attempts,
      reason: reasonOf(each),
    })),
    orphan_daemons: orphan ? [ownerToJson({ program: 'python', ...upstream })] : [],
    owner_record_path: upstream.path,
  };
}

function tables(status: HomeStatus): readonly string[] {
  const { upstream } = status.boundary;
  const { record } = upstream;
  const orphan =
    upstream.status !== 'orphan' || record === null
      ? []
      : [[record.pid, record.port, record.packageVersion, record.executablePath, record.startedAt]];
  return [
    ...tableLines(
      'Orphan run_sync_daemon Processes',
      ['PID', 'Command'],
      (status.strays ?? []).map(({ pid, command }) => [pid, command]),
    ),
    ...tableLines(
      'Top Queued Event Types',
      ['Event Type', 'Count'],
      kindsWaiting(status).map(({ type, n }) => [type, n]),
    ),
    ...tableLines(
      'Recent Body Upload Failures',
      ['Artifact', 'Mission', 'Count', 'Reason'],
      failedUploads(status).map((each) => [
        artifactOf(each),
        each.mission,
        each.attempts,
        reasonOf(each),
      ]),
    ),
    ...tableLines('Orphan Daemons', ['PID', 'Port', 'Version', 'Executable', 'Started At'], orphan),
    ...(orphan.length === 0 ? [] : [`  Retire orphan record(s): rm ${quoted(upstream.path)}`]),
  ];
}

/** Each text once, with the last word about it. */
function failedUploads(status: HomeStatus): readonly QueueFailure[] {
  const failures = bodiesOf(status.projects).flatMap(({ facts }) => facts.queue?.failures ?? []);
  return [...new Map(failures.toReversed().map((each) => [each.id, each])).values()].toReversed();
}

/** Its path and content; the mission stands beside it. */
function artifactOf({ id, mission }: QueueFailure): string {
  return mission !== null && id.startsWith(`${mission}/`) ? id.slice(mission.length + 1) : id;
}

function reasonOf({ category, detail, httpStatus }: QueueFailure): string {
  return category ?? detail ?? `HTTP ${httpStatus ?? '-'}`;
}

function recordedFailures(status: HomeStatus): number {
  return failedUploads(status).length;
}

function bodiesOf(projects: readonly KnownProject[]): readonly StreamStatus[] {
  return projects.flatMap(
    ({ current }) => current?.streams.filter(({ facts }) => facts.stream === 'bodies') ?? [],
  );
}

function oldestEvent(status: HomeStatus): Millis | null {
  const times = currentRoutes(status).flatMap(({ streams }) =>
    streams.flatMap(({ facts }) =>
      facts.stream === 'events' ? (facts.oldestWaitingAt ?? []) : [],
    ),
  );
  return times.length === 0 ? null : Math.min(...times);
}

function sessionOf({ home }: Context, { authority }: HomeStatus): Session | null {
  const server = authority.resolvedServerUrl;
  return server === null ? null : sessionFor(home, server);
}

function loginRows(session: Session | null, now: Millis): readonly string[] {
  if (session === null) return [row('Auth', 'No credentials')];
  const { kind, accessExpiresAt, refreshExpiresAt } = session;
  return [
    row('Access token', validity(accessExpiresAt, now)),
    row('Refresh token', kind === 'machine' ? 'Missing' : validity(refreshExpiresAt, now)),
  ];
}

function validity(until: number | null, now: Millis): string {
  if (until === null) return 'Valid (no expiry stored)';
  const at = new Date(until).toISOString();
  return until <= now ? `Expired (${at})` : `Valid (expires ${at})`;
}

function singleton({ strays }: HomeStatus): string {
  if (strays === null) return 'unknown on this platform';
  return strays.length === 0 ? 'OK' : `${strays.length} orphan process(es)`;
}

function percent(n: number, of: number): number {
  return Math.floor((100 * n) / of);
}

function iso(at: Millis | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
