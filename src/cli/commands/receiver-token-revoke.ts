import { fine, type Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { withStore } from './receiver-store.ts';

/** `spec-kitty receiver token revoke`: the token is refused from now on. */
export async function run(context: Context): Promise<Answer> {
  const { revokeToken } = await import('../../server/index.ts');
  const { clock } = context.system;
  const token = await withStore(context, (store) =>
    revokeToken(store, context.args[0] ?? '', clock),
  );
  return fine({ id: token.id, name: token.name }, [
    `✓ Token ${token.name} (${token.id}) is no longer valid`,
  ]);
}
