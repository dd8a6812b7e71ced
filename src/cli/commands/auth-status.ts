import { listSessions, sessionFor, whyLoggedOut, type Session } from '../../home/index.ts';
import { fine, type Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { findServer } from '../login/server.ts';
import { sessionLines, sessionToJson } from '../login/words.ts';

/** `spec-kitty auth status`: who is logged in where, as this machine knows it; asks nobody. */
export async function run(context: Context): Promise<Answer> {
  const { home, system } = context;
  const server = await findServer(context);
  const session = server === null ? null : sessionFor(home, server);
  const now = system.clock.now();
  const why = server === null ? 'no server is named' : whyLoggedOut(session, now);
  const others = listSessions(home).filter(({ origin }) => origin !== session?.origin);
  const json = {
    authenticated: why === null,
    reason: why,
    server_url: server,
    ...(session === null ? {} : sessionToJson(session)),
    others: others.map((other) => ({
      ...sessionToJson(other),
      authenticated: whyLoggedOut(other, now) === null,
    })),
  };
  const rows =
    session === null ? [`- Not authenticated: ${why ?? ''}`] : sessionLines(context, session);
  const elsewhere = others.flatMap((other: Session) => ['', ...sessionLines(context, other)]);
  const hint =
    why === null || server === null ? [] : [`  Run \`spec-kitty auth login --server ${server}\`.`];
  return fine(json, [...rows, ...hint, ...elsewhere]);
}
