import { fine, type Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { withIdentity } from './receiver-store.ts';

/** `spec-kitty receiver team remove`: what the member could do in the team ends with the next request. */
export async function run(context: Context): Promise<Answer> {
  const { removeTeamMember } = await import('../../server/index.ts');
  const [team = '', email = ''] = context.args;
  await withIdentity(context, (identity) => removeTeamMember(identity, { team, email }));
  return fine({ team, email }, [`✓ ${email} is no longer in ${team}`]);
}
