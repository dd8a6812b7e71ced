import { createHash, timingSafeEqual } from 'node:crypto';
import { authenticationRequired, type Caller } from '../auth.ts';
import { HttpError } from '../http/errors.ts';
import { RETRY_AFTER_SECONDS } from '../limits.ts';
import { schemaReached } from '../store/migrations.ts';
import type { Store } from '../store/store.ts';
import { HEADERS } from '../../wire/index.ts';

/**
 * Looks whether the store answers and has the tables that this program needs.
 * @throws HttpError 503 `not_ready`; StoreUnavailable when the store does not answer.
 */
export async function requireReady({ driver }: Store): Promise<void> {
  if (await schemaReached(driver)) return;
  throw new HttpError(503, 'not_ready', 'the tables of the store are of an older version', {
    headers: { [HEADERS.retryAfter]: String(RETRY_AFTER_SECONDS) },
  });
}

/**
 * Lets through who may see figures of all teams together: this machine, or who knows the secret.
 * @throws HttpError 401.
 */
export function requireScraper({ authorization, isLocal }: Caller, secret: string | null): void {
  if (authorization === null ? isLocal : secret !== null && isSecret(authorization, secret)) return;
  throw authenticationRequired(
    authorization === null ? 'a token is needed' : 'the token is not valid here',
  );
}

/** Digests have one length, so comparing them takes one time. */
function isSecret(authorization: string, secret: string): boolean {
  const [given, right] = [authorization, `Bearer ${secret}`].map((text) =>
    createHash('sha256').update(text).digest(),
  );
  return given !== undefined && right !== undefined && timingSafeEqual(given, right);
}
