import { fine, type Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { withIdentity } from './receiver-store.ts';

/** `spec-kitty receiver key rotate`: access tokens are signed with a new key from now on. */
export async function run(context: Context): Promise<Answer> {
  const { rotateSigningKey } = await import('../../server/index.ts');
  const id = await withIdentity(context, rotateSigningKey);
  return fine({ key_id: id }, [
    `✓ Key ${id} signs from now on; tokens of the one before are believed until they expire`,
  ]);
}
