import { printable } from '../../base/index.ts';
import { sessionFor, whyLoggedOut, type Session } from '../../home/index.ts';
import { fine, type Answer } from '../answer.ts';
import { flagOption, textOption, type Context } from '../io.ts';
import { claimPermissions } from '../login/claim.ts';
import { requireServer } from '../login/server.ts';
import { sessionToJson, storageWord } from '../login/words.ts';
import { logIn, type LoggedIn } from '../login/ways.ts';

/** `spec-kitty auth login`: keeps a login for exactly one origin. */
export async function run(context: Context): Promise<Answer> {
  const server = await requireServer(context);
  const before = sessionFor(context.home, server);
  const isIn = before !== null && whyLoggedOut(before, context.system.clock.now()) === null;
  const isAgain = isIn && !wantsAnother(context, before);
  const login = isAgain ? { session: before, isChecked: false } : await logIn(context, server);
  const { session } = login;
  const claimed = await claimPermissions(context, session);
  return fine(
    { ...sessionToJson(session), already: isAgain, checked: login.isChecked, ...claimed.json },
    [...(isAgain ? alreadyLines(session) : keptLines(context, login)), ...claimed.lines],
  );
}

/** A token that is given replaces the one before; otherwise only who says so logs in over a login. */
function wantsAnother({ options }: Context, { user }: Session): boolean {
  const name = textOption(options, 'username');
  return (
    flagOption(options, 'force') ||
    flagOption(options, 'tokenStdin') ||
    flagOption(options, 'passwordStdin') ||
    (name !== null && name !== user)
  );
}

function alreadyLines({ origin, user }: Session): readonly string[] {
  return [`+ Already logged in as ${printable(user ?? '(unnamed)')} at ${origin}`];
}

function keptLines(context: Context, { session, isChecked }: LoggedIn): readonly string[] {
  const { origin, team, user, kind, teams } = session;
  const where = storageWord(context, session);
  if (kind === 'machine') {
    return [
      `✓ Token kept for ${origin} in ${where}`,
      isChecked
        ? `  The server knows it${team === null ? '' : ` as team ${printable(team)}`}.`
        : '  The server could not be asked; the token is unchecked.',
    ];
  }
  const name = teams.find(({ id }) => id === team)?.name ?? team;
  return [
    `+ Authenticated as ${printable(user ?? '(unnamed)')} at ${origin}`,
    name === null
      ? '  It does not speak for a private team, and nothing is ever sent to a shared one.'
      : `  Default team: ${printable(name)} [Private Teamspace]`,
    `  Kept in ${where}.`,
    ...(isChecked ? [] : ['  The server could not be asked who this is.']),
  ];
}
