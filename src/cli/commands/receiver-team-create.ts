import { fine, type Answer } from '../answer.ts';
import { textOption, type Context } from '../io.ts';
import { withIdentity } from './receiver-store.ts';

/** `spec-kitty receiver team create`: a shared team, with an owner where one is named. */
export async function run(context: Context): Promise<Answer> {
  const { createTeam, setTeamMember } = await import('../../server/index.ts');
  const owner = textOption(context.options, 'owner');
  const team = await withIdentity(context, async (identity) => {
    const made = await createTeam(identity, context.args[0] ?? '');
    if (owner !== null) {
      await setTeamMember(identity, { team: made.id, email: owner, role: 'owner' });
    }
    return made;
  });
  return fine({ id: team.id, name: team.name, owner }, [`✓ Team ${team.name} (${team.id})`]);
}
