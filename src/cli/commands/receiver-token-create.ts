import { EXIT, systemRandom, UserError } from '../../base/index.ts';
import { fine, type Answer } from '../answer.ts';
import { flagOption, listOption, textOption, type Context } from '../io.ts';
import { withStore } from './receiver-store.ts';

/** `spec-kitty receiver token create`: the token is shown once; the store keeps its hash. */
export async function run(context: Context): Promise<Answer> {
  const { createToken, TOKEN_SCOPES } = await import('../../server/index.ts');
  const { clock, ids } = context.system;
  const wanted = textOption(context.options, 'scope') ?? 'ingest';
  const scope = TOKEN_SCOPES.find((each) => each === wanted);
  const projects = listOption(context.options, 'project');
  const all = flagOption(context.options, 'all');
  if (scope === undefined || all === projects.length > 0) {
    throw new UserError(
      'usage',
      `name --project UUID or --all, and a scope of ${TOKEN_SCOPES.join(', ')}`,
      {
        remedy: 'spec-kitty receiver token create --help',
        exitCode: EXIT.refused,
      },
    );
  }
  const name = textOption(context.options, 'name') ?? 'token';
  const wish = { name, scope, projects: all ? ('all' as const) : projects };
  const token = await withStore(
    context,
    (store) => createToken(store, { ...wish, clock, ids, random: systemRandom }),
    false,
  );
  return fine({ token: token.secret, id: token.id, name, scope, projects: token.projects }, [
    token.secret,
    `  It is shown this once. Give it to \`spec-kitty auth login --token-stdin\`.`,
  ]);
}
