import { EXIT, systemRandom, UserError } from '../../base/index.ts';
import { fine, type Answer } from '../answer.ts';
import { countOption } from '../history/filters.ts';
import { flagOption, listOption, textOption, type Context } from '../io.ts';
import { isoOf, withStore } from './receiver-store.ts';

const DAY_MS = 86_400_000;
const DAYS = { usual: 0, most: 3_650, command: 'receiver token create' };

/** `spec-kitty receiver token create`: the token is shown once; the store keeps its hash. */
export async function run(context: Context): Promise<Answer> {
  const { createToken, teamForOperator, TOKEN_SCOPES } = await import('../../server/index.ts');
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
  const wish = { name, scope, projects: all ? ('all' as const) : projects, ...lifeOf(context) };
  const token = await withStore(
    context,
    async (store) => {
      const team = await teamForOperator(store, textOption(context.options, 'team'));
      return createToken(store, { ...wish, team, clock, ids, random: systemRandom });
    },
    false,
  );
  const { id, secret, expiresAt } = token;
  const json = { token: secret, id, team: token.teamId, name, scope, projects: token.projects };
  return fine({ ...json, expires_at: isoOf(expiresAt) }, [
    secret,
    `  It is shown this once. Give it to \`spec-kitty auth login --token-stdin\`.`,
  ]);
}

function lifeOf(context: Context): { readonly livesMs?: number } {
  const days = countOption(context, 'expiresDays', DAYS);
  return days === 0 ? {} : { livesMs: days * DAY_MS };
}
