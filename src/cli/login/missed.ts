import { EXIT, type ExitCode } from '../../base/index.ts';
import type { Finding, HomeStatus } from '../../report/index.ts';
import type { Context } from '../io.ts';
import { offerLogin } from './recovery.ts';

/**
 * How a command that looks ends where a login is missed at the Teamspace server this project is connected to (cli
 * contract 0.4): a person may log in, and the command looks again; a script gets exit code 4, unless something worse was
 * found than what follows from it.
 */
export async function exitLoggedOut(
  context: Context,
  looked: {
    readonly status: HomeStatus;
    readonly findings: readonly Finding[];
    /** What the findings alone come to. */
    readonly exit: ExitCode;
    readonly isMissed: boolean;
    /** As it is typed, without the program's name. */
    readonly command: string;
  },
): Promise<{ readonly exit: ExitCode; readonly again: boolean }> {
  const { status, findings, exit, isMissed, command } = looked;
  const here = status.projects.find(({ isHere }) => isHere);
  if (!isMissed || here?.current == null || findings.some(isWorse)) return { exit, again: false };
  const project = { id: here.status.projectId, slug: here.slug, command };
  const done = await offerLogin(context, here.current.route.target, project);
  return { exit: done === 'script' ? EXIT.loggedOut : exit, again: done === 'done' };
}

function isWorse({ severity, code }: Finding): boolean {
  return severity !== 'waiting' && code !== 'auth_absent';
}
