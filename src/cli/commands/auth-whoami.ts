import { EXIT, printable } from '../../base/index.ts';
import { sessionFor, whyLoggedOut } from '../../home/index.ts';
import type { Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { findServer } from '../login/server.ts';

/** `spec-kitty auth whoami`: the name of whoever is logged in, or nothing and exit 1. */
export async function run(context: Context): Promise<Answer> {
  const server = await findServer(context);
  const session = server === null ? null : sessionFor(context.home, server);
  const why = whyLoggedOut(session, context.system.clock.now());
  const isIn = session !== null && why === null;
  const user = isIn ? (session.user ?? session.team) : null;
  return {
    exit: isIn ? EXIT.fine : EXIT.failed,
    json: { user, team: isIn ? session.team : null, origin: session?.origin ?? null, reason: why },
    lines: user === null ? [] : [printable(user)],
  };
}
