import { fine, type Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { withIdentity } from './receiver-store.ts';

/** `spec-kitty receiver user disable` */
export async function run(context: Context): Promise<Answer> {
  const { setAccount } = await import('../../server/index.ts');
  const email = context.args[0] ?? '';
  const user = await withIdentity(context, (identity) => setAccount(identity, email, false));
  return fine({ email: user.email, enabled: false }, [
    `✓ ${user.email} can no longer log in, and is logged out everywhere`,
  ]);
}
