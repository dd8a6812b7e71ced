import { EXIT, printable } from '../../base/index.ts';
import { findProject, projectRoot } from '../../home/index.ts';
import { check, exitOf, gatherHome, type Finding, type HomeStatus } from '../../report/index.ts';
import type { Answer } from '../answer.ts';
import { isLoggedOutHere, pingTarget, silence, type Ping } from '../boundary/ping.ts';
import { flagOption, type Context } from '../io.ts';
import { exitLoggedOut } from '../login/missed.ts';
import { statusToJson } from '../render/status-json.ts';
import { statusLines } from '../render/status.ts';
import { STREAMS } from '../workspace.ts';

/** `spec-kitty sync status`: of every project in the home, the one at hand first. */
export async function run(context: Context): Promise<Answer> {
  const { home, options } = context;
  const judges = flagOption(options, 'check');
  const here = projectRoot(context.system) === null ? null : await findProject(context.system);
  const status = await gatherHome(home, {
    here,
    streams: STREAMS,
    recount: judges,
    onlyHere: flagOption(options, 'here') && here !== null,
  });
  const ping = judges && !flagOption(options, 'json') ? await pingTarget(context, status) : null;
  const findings = [...check(status), ...refusedLogin(status, ping)];
  const { exit, again } = await exitLoggedOut(context, {
    status,
    findings,
    exit: exitOf(findings, judges),
    isMissed: judges && isLoginOver(context, status, ping),
    command: 'sync status',
  });
  if (again) return run(context);
  const ok = exit === EXIT.fine && (!judges || findings.length === 0);
  const json = { ok, exit_code: exit, ...statusToJson(status), findings };
  if (flagOption(options, 'json')) return { exit, json, lines: [] };
  return { exit, json, lines: [...statusLines(status, ping), ...endLines(findings, judges)] };
}

/** A login that ended. Who never logged in is refused by the boundary. */
function isLoginOver(context: Context, status: HomeStatus, ping: Ping | null): boolean {
  const isOut = ping?.isLoggedOut ?? isLoggedOutHere(context, status);
  return isOut && (status.isLoggedIn || status.loginEnded !== null);
}

/** Whether a server can be reached changes nothing; that it refuses this login does. */
function refusedLogin(status: HomeStatus, ping: Ping | null): readonly Finding[] {
  if (ping?.isLoggedOut !== true || check(status).some(({ code }) => SAY_WHO.has(code))) return [];
  return silence(ping);
}

/** Findings that name the login already. */
const SAY_WHO: ReadonlySet<string> = new Set(['auth_absent', 'route_blocked']);

function endLines(findings: readonly Finding[], judges: boolean): readonly string[] {
  if (!judges) return ['', 'Use `spec-kitty sync status --check` to judge it and ask the server.'];
  if (findings.length === 0) return ['', 'Check passed.'];
  const boundary = findings.filter(({ severity }) => severity === 'boundary');
  const others = findings.filter(({ severity }) => severity !== 'boundary');
  return [
    ...(boundary.length === 0
      ? []
      : ['', 'Identity boundary check FAILED:', ...boundary.map(toLine)]),
    ...(others.length === 0 ? [] : ['', 'Check failed:', ...others.map(toLine)]),
  ];
}

function toLine({ detail, remedy }: Finding): string {
  const how = remedy === null ? '' : `: run \`${printable(remedy, MAX_REMEDY)}\``;
  return `  ! ${printable(detail)}${how}`;
}

const MAX_REMEDY = 8_192;
