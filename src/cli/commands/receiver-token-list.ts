import { fine, type Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { withStore } from './receiver-store.ts';

/** `spec-kitty receiver token list`: never the tokens themselves. */
export async function run(context: Context): Promise<Answer> {
  const { listTokens } = await import('../../server/index.ts');
  const found = await withStore(context, (store) => listTokens(store));
  const tokens = found.map((token) => ({
    id: token.id,
    prefix: token.prefix,
    name: token.name,
    scope: token.scope,
    projects: token.projects,
    created_at: iso(token.createdAt),
    last_used_at: iso(token.lastUsedAt),
    revoked_at: iso(token.revokedAt),
  }));
  const lines = tokens.map((token) => {
    const reach = token.projects === 'all' ? 'all projects' : `${token.projects.length} project(s)`;
    const state = token.revoked_at === null ? 'valid' : 'revoked';
    const used = token.last_used_at === null ? 'never used' : `last used ${token.last_used_at}`;
    return `${token.id}  ${token.prefix}…  ${token.name}  ${token.scope}  ${reach}  ${state}  ${used}`;
  });
  return fine(
    { tokens },
    lines.length === 0 ? ['No token: the receiver serves this machine only.'] : lines,
  );
}

function iso(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
