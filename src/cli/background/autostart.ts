import { EXIT, UserError, type Env, type ExitCode } from '../../base/index.ts';
import { spawnDaemon } from '../../daemon/index.ts';
import type { Context } from '../io.ts';

/** What decides whether a command brings up the daemon. */
export interface Occasion {
  readonly exit: ExitCode;
  /** Whether a person sits at both ends. */
  readonly isInteractive: boolean;
  readonly policy: 'auto' | 'manual';
  readonly env: Env;
}

/** Never out of a failing command, and never where nobody sits: a script gets exactly what it asked for. */
export function mayStart({ exit, isInteractive, policy, env }: Occasion): boolean {
  const isQuiet = (env['SPEC_KITTY_NON_INTERACTIVE'] ?? '') !== '';
  return exit === EXIT.fine && isInteractive && policy === 'auto' && !isQuiet;
}

/** Brings up the daemon behind a command that delivered, as `[sync].background_daemon` says; waits for nothing. */
export async function startByItself(context: Context, exit: ExitCode): Promise<void> {
  const { home, io, system } = context;
  const isInteractive = io.stdin.isTTY && io.stdout.isTTY;
  if (!isInteractive || exit !== EXIT.fine) return;
  const { backgroundDaemon } = await home.config();
  if (!mayStart({ exit, isInteractive, policy: backgroundDaemon.value, env: system.env })) return;
  try {
    if (spawnDaemon(home) === null) return;
    io.stderr.write(
      'Note: from now on a daemon delivers in the background; `spec-kitty daemon stop` ends it.\n',
    );
  } catch (error) {
    // The command has done its work; a daemon that does not come up is no failure of it.
    if (!(error instanceof UserError)) throw error;
  }
}
