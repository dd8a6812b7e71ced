import { fine, type Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { isoOf, withStore } from './receiver-store.ts';

/** `spec-kitty receiver user list` */
export async function run(context: Context): Promise<Answer> {
  const { listUsers } = await import('../../server/index.ts');
  const found = await withStore(context, listUsers);
  const users = found.map((user) => ({
    id: user.id,
    email: user.email,
    name: user.name,
    created_at: isoOf(user.createdAt),
    disabled_at: isoOf(user.disabledAt),
  }));
  const lines = users.map(
    ({ email, name, disabled_at: ended }) =>
      `${email}  ${name}  ${ended === null ? 'active' : `disabled ${ended}`}`,
  );
  return fine({ users }, lines.length === 0 ? ['Nobody has an account.'] : lines);
}
