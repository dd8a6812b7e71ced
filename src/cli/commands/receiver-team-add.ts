import { EXIT, UserError } from '../../base/index.ts';
import { fine, type Answer } from '../answer.ts';
import { textOption, type Context } from '../io.ts';
import { withIdentity } from './receiver-store.ts';

/** `spec-kitty receiver team add`: a member, or another role for one. */
export async function run(context: Context): Promise<Answer> {
  const { ROLES, setTeamMember } = await import('../../server/index.ts');
  const [team = '', email = ''] = context.args;
  const wanted = textOption(context.options, 'role') ?? 'member';
  const role = ROLES.find((each) => each === wanted);
  if (role === undefined) {
    throw new UserError('usage', `a role is one of ${ROLES.join(', ')}`, {
      remedy: 'spec-kitty receiver team add --help',
      exitCode: EXIT.refused,
    });
  }
  await withIdentity(context, (identity) => setTeamMember(identity, { team, email, role }));
  return fine({ team, email, role }, [`✓ ${email} is ${role} in ${team}`]);
}
