import { printable } from '../../base/index.ts';
import { connect } from '../../delivery/index.ts';
import { findProject, projectRoot } from '../../home/index.ts';
import { check, exitOf, gatherHome, type Finding, type HomeStatus } from '../../report/index.ts';
import type { Answer } from '../answer.ts';
import { flagOption, type Context } from '../io.ts';
import { statusToJson } from '../render/status-json.ts';
import type { Ping } from '../render/status-machine.ts';
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
  const findings = check(status);
  const exit = exitOf(findings, judges);
  const json = {
    ok: judges ? findings.length === 0 : exit === 0,
    exit_code: exit,
    ...statusToJson(status),
    findings,
  };
  if (flagOption(options, 'json')) return { exit, json, lines: [] };
  const ping = judges ? await pingTarget(context, status) : null;
  return { exit, json, lines: [...statusLines(status, ping), ...endLines(findings, judges)] };
}

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

/** Asks the active target of this project who it is; whatever it says changes no exit code. */
export async function pingTarget({ home, io }: Context, status: HomeStatus): Promise<Ping | null> {
  const here = status.projects.find(({ isHere }) => isHere);
  if (here?.current == null) return null;
  const db = home.store(here.status.projectId);
  const connection = await connect(home, db, here.current.route.target);
  if (connection.kind === 'blocked') {
    const { reason, detail } = connection.blocked;
    return { word: reason === 'saas_disabled' ? 'Disabled' : 'Not authenticated', note: detail };
  }
  const probe = await connection.receiver.probe(io.signal);
  if (probe.kind === 'health') return { word: 'Connected', note: null };
  if (probe.kind === 'silent') return { word: 'Unexpected', note: 'it does not say who it is' };
  return { word: wordOf(probe.stop.httpStatus), note: probe.stop.detail };
}

function wordOf(httpStatus: number | null): string {
  if (httpStatus === null) return 'Unreachable';
  if (httpStatus === 401) return 'Authentication failed';
  return httpStatus === 403 ? 'Permission denied' : 'Server unavailable';
}
