import { textOption, type Context } from '../io.ts';
import type { Answer } from '../answer.ts';
import { invitation } from './receiver-user-invite.ts';
import { withIdentity } from './receiver-store.ts';

/** `spec-kitty receiver user add`: an account, and the link by which its user chooses a password. */
export async function run(context: Context): Promise<Answer> {
  const { addUser } = await import('../../server/index.ts');
  const email = context.args[0] ?? '';
  const name = textOption(context.options, 'name');
  const invited = await withIdentity(
    context,
    (identity) => addUser(identity, { email, name }),
    false,
  );
  return invitation(context, invited);
}
