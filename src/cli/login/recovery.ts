import { printable } from '../../base/index.ts';
import type { DrainReport, Target } from '../../delivery/index.ts';
import { flagOption, type Context } from '../io.ts';
import type { Workspace } from '../workspace.ts';
import { claimPermissions } from './claim.ts';
import { logIn } from './ways.ts';

/** What a person answers who finds nobody logged in. */
type Choice = 'login' | 'skip' | 'quit';

const CHOICES: readonly (readonly [Choice, RegExp])[] = [
  ['login', /^l(ogin)?$/i],
  ['quit', /^q(uit)?$/i],
];

/** Whether a delivery came to nothing because nobody is logged in at a connected Teamspace. */
export function isLoggedOut({ target, blocked }: DrainReport): boolean {
  return target.kind === 'teamspace' && blocked?.reason === 'missing_auth';
}

/**
 * Deals with a connected repository whose login is missing (cli contract 0.4): a person may log in here and now, a
 * script gets one line on standard error, and with `--json` the exit code and the report alone. True when somebody
 * logged in, so that the delivery is worth another try.
 */
export async function recoverLogin(
  context: Context,
  delivery: {
    readonly workspace: Workspace;
    readonly reports: readonly DrainReport[];
    /** As it is typed, without the program's name. */
    readonly command: string;
  },
): Promise<boolean> {
  const { workspace, reports, command } = delivery;
  const out = reports.find(isLoggedOut);
  if (out === undefined) return false;
  return (await offerLogin(context, out.target, { ...workspace.project, command })) === 'done';
}

/**
 * The question itself, of a project and the target it is connected to.
 * @returns `script` where nobody sits there to answer.
 */
export async function offerLogin(
  context: Context,
  target: Target,
  project: {
    readonly id: string;
    readonly slug: string | null;
    /** As it is typed, without the program's name. */
    readonly command: string;
  },
): Promise<'done' | 'declined' | 'script'> {
  const { io } = context;
  if (flagOption(context.options, 'json')) return 'script';
  const name = project.slug ?? (target.team === '' ? project.id : target.team);
  const answer = await io.ask(
    `Logged out on a connected teamspace: ${printable(name)} waits for ${target.canonicalUrl}.\n[L]ogin / [S]kip / [Q]uit: `,
  );
  if (answer === null) {
    io.stderr.write(
      `spec-kitty: logged_out_on_connected_teamspace teamspace=${wordOf(name)} command=${wordOf(project.command)} action=run-spec-kitty-auth-login\n`,
    );
    return 'script';
  }
  const choice = CHOICES.find(([, pattern]) => pattern.test(answer.trim()))?.[0] ?? 'skip';
  if (choice !== 'login') return 'declined';
  const { session } = await logIn(context, target.canonicalUrl);
  const { lines } = await claimPermissions(context, session);
  for (const line of [`+ Authenticated as ${printable(session.user ?? '')}`, ...lines]) {
    io.stderr.write(`${line}\n`);
  }
  return 'done';
}

/** One word, because scripts cut the line at its spaces. */
function wordOf(name: string): string {
  return printable(name).replaceAll(/\s+/g, '-');
}
