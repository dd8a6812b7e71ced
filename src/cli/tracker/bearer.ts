import { EXIT, UserError } from '../../base/index.ts';
import { originOf, type Route } from '../../delivery/index.ts';
import type { Credentials } from '../../trackers/index.ts';
import { readAll } from '../input.ts';
import { flagOption, textOption, type Context } from '../io.ts';

const MAX_TOKEN_BYTES = 16_384;
const HEADER_SAFE = /^[\x21-\x7e]{1,16384}$/;
const VARIABLE = 'SAAS_AUTH_TOKEN';

/**
 * The token to publish with at each route: the one that the operator names, else `access_token` of the tracker's
 * credentials, else null for the login of the target's origin. What the tracker itself is asked with goes to no
 * receiver, and no token goes to several.
 * @throws UserError `usage` for a token that no header can carry, or that is named for several targets.
 */
export async function bearersFor(
  context: Context,
  credentials: Credentials,
  routes: readonly Route[],
): Promise<(route: Route) => string | null> {
  const explicit = await explicitToken(context);
  if (explicit !== null && routes.length > 1) {
    throw usage('a token belongs to one server: name the target with --target');
  }
  const kept = credentials['access_token']?.trim() ?? '';
  const token = checked(explicit) ?? checked(kept === '' ? null : kept);
  const server = explicit === null ? (credentials['server_url'] ?? null) : null;
  return (route) => {
    if (token === null || routes.length > 1) return null;
    return server === null || isBelow(route, server) ? token : null;
  };
}

/** Whether the server that the credentials name is the one of the route. */
function isBelow({ target }: Route, server: string): boolean {
  return URL.canParse(server) && new URL(server).origin === originOf(target);
}

async function explicitToken(context: Context): Promise<string | null> {
  if (flagOption(context.options, 'authTokenStdin')) {
    return (await readAll(context, '-', MAX_TOKEN_BYTES)).toString('utf8').trim();
  }
  const named = textOption(context.options, 'authTokenEnv');
  const value = context.system.env[named ?? VARIABLE]?.trim() ?? '';
  if (named !== null && value === '')
    throw usage('the variable that --auth-token-env names is not set');
  return value === '' ? null : value;
}

function checked(token: string | null): string | null {
  if (token === null || HEADER_SAFE.test(token)) return token;
  throw usage('a token is 1 to 16384 printable characters without spaces');
}

function usage(message: string): UserError {
  return new UserError('usage', message, {
    remedy: 'spec-kitty tracker sync publish --help',
    exitCode: EXIT.refused,
  });
}
