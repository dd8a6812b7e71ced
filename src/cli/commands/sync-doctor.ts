import { printable } from '../../base/index.ts';
import { findProject, projectRoot, sessionFor } from '../../home/index.ts';
import {
  check,
  exitOf,
  gatherHome,
  judge,
  type Finding,
  type HomeStatus,
  type Judged,
} from '../../report/index.ts';
import type { Answer } from '../answer.ts';
import { runSelfTest } from '../doctor/self-test.ts';
import { flagOption, type Context } from '../io.ts';
import type { Ping } from '../render/status-machine.ts';
import { currentRoutes, sumWaiting } from '../render/status-sums.ts';
import { age, row } from '../render/status-text.ts';
import { STREAMS } from '../workspace.ts';
import { pingTarget } from './sync-status.ts';

/** `spec-kitty sync doctor`: every check with its remedy, and what the server says; it mends nothing itself. */
export async function run(context: Context): Promise<Answer> {
  if (flagOption(context.options, 'selfTest')) return runSelfTest(context);
  const here = projectRoot(context.system) === null ? null : await findProject(context.system);
  const status = await gatherHome(context.home, {
    here,
    streams: STREAMS,
    recount: true,
    onlyHere: false,
  });
  const ping = await pingTarget(context, status);
  const findings = [...check(status), ...unreachable(ping)];
  const judged = judge(status);
  const exit = exitOf(findings, true);
  const json = {
    ok: findings.length === 0,
    exit_code: exit,
    checks: judged.map(({ code, state }) => ({ code, state })),
    findings,
    ping: ping === null ? null : { word: ping.word, note: ping.note },
  };
  return {
    exit,
    json,
    lines: [...rows(context, status, ping), '', ...judged.map(checkLine), ...ending(findings)],
  };
}

/** A receiver that does not say who it is may be in order all the same. */
const IN_ORDER: ReadonlySet<string> = new Set(['Connected', 'Disabled', 'Unexpected']);

/** Nobody is healthy whose server does not answer. */
function unreachable(ping: Ping | null): readonly Finding[] {
  if (ping === null || IN_ORDER.has(ping.word)) return [];
  const detail = `the active target: ${ping.word}${ping.note === null ? '' : ` (${ping.note})`}`;
  return [{ code: 'receiver_silent', severity: 'waiting', detail, remedy: 'spec-kitty sync now' }];
}

/** The rows that scripts read (cli contract 9). */
function rows(context: Context, status: HomeStatus, ping: Ping | null): readonly string[] {
  const routes = currentRoutes(status);
  const { authority } = status;
  return [
    row('Queue size', `${sumWaiting(routes, 'events')}`),
    row('Oldest event', oldestEvent(status)),
    row('Queue DB', status.boundary.foreground.queueDbPath),
    row('Body uploads', `${sumWaiting(routes, 'bodies')} queued`),
    row('Server URL', authority.resolvedServerUrl ?? '<unset>'),
    ...loginRows(context, authority.resolvedServerUrl),
    row('User', authority.userId ?? '<unset>'),
    row('Team', authority.teamSlug ?? '<unset>'),
    row('Server', ping?.word ?? 'not asked'),
    row('Daemon singleton', singleton(status)),
  ];
}

function oldestEvent(status: HomeStatus): string {
  const times = currentRoutes(status).flatMap(({ streams }) =>
    streams.flatMap(({ facts }) =>
      facts.stream === 'events' ? (facts.oldestWaitingAt ?? []) : [],
    ),
  );
  return times.length === 0 ? 'none waits' : `${age(status.readAt - Math.min(...times))} ago`;
}

function loginRows({ home, system }: Context, server: string | null): readonly string[] {
  const session = server === null ? null : sessionFor(home, server);
  if (session === null) return [row('Auth', 'No credentials')];
  const { kind, accessExpiresAt, refreshExpiresAt } = session;
  const now = system.clock.now();
  return [
    row('Access token', validity(accessExpiresAt, now)),
    row('Refresh token', kind === 'machine' ? 'Missing' : validity(refreshExpiresAt, now)),
  ];
}

function validity(until: number | null, now: number): string {
  if (until === null) return 'Valid (no expiry stored)';
  const at = new Date(until).toISOString();
  return until <= now ? `Expired (${at})` : `Valid (expires ${at})`;
}

function singleton({ strays }: HomeStatus): string {
  if (strays === null) return 'unknown on this platform';
  return strays.length === 0 ? 'OK' : `${strays.length} orphan process(es)`;
}

const MARKS: Readonly<Record<Judged['state'], string>> = {
  ok: 'ok',
  bad: 'BAD',
  unknown: 'unknown',
};

function checkLine({ code, state }: Judged): string {
  return `  ${MARKS[state].padEnd(MARK_WIDTH)}${code}`;
}

const MARK_WIDTH = 9;
const MAX_REMEDY = 8_192;

function ending(findings: readonly Finding[]): readonly string[] {
  if (findings.length === 0) return ['', 'No issues detected. Sync is healthy.'];
  return [
    '',
    'Issues found:',
    ...findings.map(({ detail, remedy }) => {
      const how = remedy === null ? '' : `: run \`${printable(remedy, MAX_REMEDY)}\``;
      return `  ! ${printable(detail)}${how}`;
    }),
  ];
}
