import { EXIT, printable } from '../../base/index.ts';
import { findProject, projectRoot } from '../../home/index.ts';
import { check, exitOf, gatherHome, judge, type Finding, type Judged } from '../../report/index.ts';
import type { Answer } from '../answer.ts';
import { isLoggedOutHere, pingTarget, silence } from '../boundary/ping.ts';
import { doctorLines, doctorToJson } from '../doctor/report.ts';
import { runSelfTest } from '../doctor/self-test.ts';
import { flagOption, type Context } from '../io.ts';
import { exitLoggedOut } from '../login/missed.ts';
import { STREAMS } from '../workspace.ts';

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
  const findings = [...check(status), ...silence(ping)];
  const judged = judge(status);
  const { exit, again } = await exitLoggedOut(context, {
    status,
    findings,
    exit: exitOf(findings, true),
    command: 'sync doctor',
    isMissed: ping?.isLoggedOut ?? isLoggedOutHere(context, status),
  });
  if (again) return run(context);
  const json = {
    ok: findings.length === 0 && exit === EXIT.fine,
    exit_code: exit,
    ...doctorToJson(context, status),
    checks: judged.map(({ code, state }) => ({ code, state })),
    findings,
    ping: ping === null ? null : { word: ping.word, note: ping.note },
  };
  return {
    exit,
    json,
    lines: [
      ...doctorLines(context, status, ping),
      '',
      ...judged.map(checkLine),
      ...ending(findings),
    ],
  };
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
