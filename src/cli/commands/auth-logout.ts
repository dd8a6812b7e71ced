import { UserError } from '../../base/index.ts';
import {
  askRevocation,
  forgetLogin,
  readLogin,
  sessionFor,
  type Session,
} from '../../home/index.ts';
import { asObject, parseJson } from '../../wire/index.ts';
import { fine, type Answer } from '../answer.ts';
import { flagOption, type Context } from '../io.ts';
import { findServer } from '../login/server.ts';

/** `spec-kitty auth logout`: asks the server to end the login, and forgets it here whatever the answer. */
export async function run(context: Context): Promise<Answer> {
  const server = await findServer(context);
  const session = server === null ? null : sessionFor(context.home, server);
  if (session === null) {
    return fine({ logged_out: false, origin: null, revoked: null }, ['Not logged in.']);
  }
  const revocation = await revoke(context, session);
  await forgetLogin(context.home, session.origin);
  return fine({ logged_out: true, origin: session.origin, revoked: revocation.isConfirmed }, [
    revocation.line,
    '+ Logged out.',
  ]);
}

interface Revocation {
  /** Null when the server was not asked. */
  readonly isConfirmed: boolean | null;
  readonly line: string;
}

async function revoke(context: Context, session: Session): Promise<Revocation> {
  if (flagOption(context.options, 'force')) {
    return { isConfirmed: null, line: 'Skipping server revocation (--force).' };
  }
  if (session.kind === 'machine') {
    return {
      isConfirmed: null,
      line: 'The token itself stays valid until its receiver revokes it.',
    };
  }
  const secrets = await secretsOf(context, session);
  if (secrets === null) {
    return { isConfirmed: null, line: 'There is no refresh token to revoke.' };
  }
  const reply = await askRevocation(context.home, session, secrets);
  if (reply.kind === 'failure') {
    const line = `! Server revocation not confirmed (network error: ${reply.reason}).`;
    return { isConfirmed: false, line };
  }
  const answer = parseJson(reply.body);
  const isRevoked = answer.ok && asObject(answer.value)?.['revoked'] === true;
  return reply.status === 200 && isRevoked
    ? { isConfirmed: true, line: '✓ Server revocation confirmed.' }
    : {
        isConfirmed: false,
        line: `! Server revocation not confirmed (server error: HTTP ${reply.status}).`,
      };
}

/** A keyring that does not answer is no reason to stay logged in. */
async function secretsOf(
  context: Context,
  session: Session,
): Promise<Parameters<typeof askRevocation>[2] | null> {
  try {
    return (await readLogin(context.home, session.origin))?.secrets ?? null;
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}
