import { EXIT, printable, UserError } from '../../base/index.ts';
import { type Graded, gradeReceiver, type Report } from '../../conformance/index.ts';
import { parseEndpoint } from '../../receivers/index.ts';
import type { Answer } from '../answer.ts';
import { flagOption, textOption, type Context } from '../io.ts';

/** `spec-kitty receiver conformance`: whether a receiver, of whatever make, keeps the wire contract. */
export async function run(context: Context): Promise<Answer> {
  const { home, io, options, system } = context;
  const base = baseOf(context);
  const report = await gradeReceiver({
    http: home.http,
    clock: system.clock,
    base,
    project: system.ids.uuid(),
    token: tokenOf(context, 'tokenEnv'),
    readToken: tokenOf(context, 'readTokenEnv'),
    isStrict: flagOption(options, 'strict'),
    signal: io.signal,
  });
  const isBroken = report.rules.some(({ verdict }) => verdict.kind === 'fail');
  const verdict = isBroken ? EXIT.failed : EXIT.fine;
  return {
    exit: io.signal.aborted ? EXIT.interrupted : verdict,
    json: toJson(base, report),
    lines: toLines(base, report),
  };
}

function baseOf({ options, system }: Context): string {
  const url = textOption(options, 'url');
  if (url === null) throw usage('--url says which receiver');
  const { canonicalUrl, kind } = parseEndpoint(url, {
    kind: 'teamspace',
    allowHttp: flagOption(options, 'allowHttp'),
    cwd: system.cwd,
  });
  if (kind === 'stub') throw usage('a stub is a file and answers nobody');
  return canonicalUrl;
}

function tokenOf({ options, system }: Context, name: 'tokenEnv' | 'readTokenEnv'): string | null {
  const variable = textOption(options, name);
  if (variable === null) return null;
  const token = (system.env[variable] ?? '').trim();
  if (token !== '') return token;
  throw usage(`the variable ${variable} is not set`);
}

function usage(message: string): UserError {
  return new UserError('usage', message, {
    remedy: 'spec-kitty receiver conformance --help',
    exitCode: EXIT.refused,
  });
}

type Kind = Graded['verdict']['kind'];

const WORDS: Readonly<Record<Kind, string>> = {
  pass: '✓ pass',
  fail: '✗ FAIL',
  not_offered: '- not offered',
  skipped: '- skipped',
};

function toLines(base: string, report: Report): readonly string[] {
  const { rules, left, project } = report;
  const width = Math.max(...rules.map(({ id }) => id.length));
  const counts = countsOf(rules);
  return [
    `${base}, instance ${printable(report.instanceId ?? 'unknown')}`,
    ...rules.flatMap(({ id, says, source, verdict }) => [
      `${WORDS[verdict.kind].padEnd(WORDS.not_offered.length)}  ${id.padEnd(width)}  ${says}`,
      ...(verdict.kind === 'pass' ? [] : [`    ${printable(verdict.detail)}`]),
      ...(verdict.kind === 'fail' ? [`    docs/wire.md, "${source}"`] : []),
    ]),
    `${rules.length} rules: ${counts.pass} pass, ${counts.fail} fail, ${counts.not_offered} not offered, ${counts.skipped} skipped`,
    `Project ${project} was made up for this run. The receiver keeps of it: ${left.events} events, ${left.bodies} bodies, ${left.snapshots} snapshots.`,
  ];
}

function toJson(base: string, report: Report): Answer['json'] {
  const { instanceId, project, rules, left } = report;
  return {
    url: base,
    server_instance_id: instanceId,
    seed: project,
    counts: countsOf(rules),
    rules: rules.map(({ id, says, source, verdict }) => ({
      id,
      says,
      source,
      verdict: verdict.kind,
      detail: verdict.kind === 'pass' ? null : verdict.detail,
    })),
    left_behind: left,
  };
}

function countsOf(rules: readonly Graded[]): Readonly<Record<Kind, number>> {
  const counts = { pass: 0, fail: 0, not_offered: 0, skipped: 0 };
  for (const { verdict } of rules) counts[verdict.kind] += 1;
  return counts;
}
