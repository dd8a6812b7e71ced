import { fine, type Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { linkTo, withIdentity } from './receiver-store.ts';

/** `spec-kitty receiver user invite`: another link to choose a password; the one before ends. */
export async function run(context: Context): Promise<Answer> {
  const { inviteAgain } = await import('../../server/index.ts');
  const email = context.args[0] ?? '';
  return invitation(
    context,
    await withIdentity(context, (identity) => inviteAgain(identity, email)),
  );
}

/** What an invitation looks like. */
export function invitation(
  context: Context,
  { user, code }: { readonly user: { readonly email: string }; readonly code: string },
): Answer {
  const link = linkTo(context, `/setup?code=${code}`);
  return fine({ email: user.email, link }, [
    link,
    `  ${user.email} chooses a password there. It works once, within three days.`,
  ]);
}
