import { fine, type Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { isoOf, withStore } from './receiver-store.ts';

/** `spec-kitty receiver team list`: every team with its members. */
export async function run(context: Context): Promise<Answer> {
  const { listTeams } = await import('../../server/index.ts');
  const found = await withStore(context, listTeams);
  const teams = found.map((team) => ({
    id: team.id,
    name: team.name,
    private: team.isPrivate,
    created_at: isoOf(team.createdAt),
    members: team.members.map(({ email, role }) => ({ email, role })),
  }));
  const lines = teams.flatMap((team) => [
    `${team.name}  ${team.id}${team.private ? '  private' : ''}`,
    ...team.members.map(({ email, role }) => `  ${email}  ${role}`),
  ]);
  return fine({ teams }, lines);
}
