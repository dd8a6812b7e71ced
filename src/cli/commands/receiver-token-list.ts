import { fine, type Answer } from '../answer.ts';
import { textOption, type Context } from '../io.ts';
import { isoOf, withStore } from './receiver-store.ts';

/** `spec-kitty receiver token list`: never the tokens themselves. */
export async function run(context: Context): Promise<Answer> {
  const { listTokens, teamForOperator } = await import('../../server/index.ts');
  const found = await withStore(context, async (store) =>
    listTokens(store, await teamForOperator(store, textOption(context.options, 'team'))),
  );
  const tokens = found.map((token) => ({
    id: token.id,
    prefix: token.prefix,
    name: token.name,
    scope: token.scope,
    projects: token.projects,
    created_at: isoOf(token.createdAt),
    expires_at: isoOf(token.expiresAt),
    last_used_at: isoOf(token.lastUsedAt),
    revoked_at: isoOf(token.revokedAt),
  }));
  const lines = tokens.map((token) => {
    const reach = token.projects === 'all' ? 'all projects' : `${token.projects.length} project(s)`;
    const state = stateOf(token, context.system.clock.now());
    const used = token.last_used_at === null ? 'never used' : `last used ${token.last_used_at}`;
    return `${token.id}  ${token.prefix}…  ${token.name}  ${token.scope}  ${reach}  ${state}  ${used}`;
  });
  return fine(
    { tokens },
    lines.length === 0 ? ['No token: the receiver serves this machine only.'] : lines,
  );
}

interface Times {
  readonly revoked_at: string | null;
  readonly expires_at: string | null;
}

function stateOf({ revoked_at: revoked, expires_at: ends }: Times, now: number): string {
  if (revoked !== null) return 'revoked';
  if (ends === null) return 'valid';
  return Date.parse(ends) > now ? `valid until ${ends}` : 'expired';
}
