import { fine, type Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { withIdentity } from './receiver-store.ts';

/** `spec-kitty receiver user enable` */
export async function run(context: Context): Promise<Answer> {
  const { setAccount } = await import('../../server/index.ts');
  const email = context.args[0] ?? '';
  const user = await withIdentity(context, (identity) => setAccount(identity, email, true));
  return fine({ email: user.email, enabled: true }, [`✓ ${user.email} can log in again`]);
}
