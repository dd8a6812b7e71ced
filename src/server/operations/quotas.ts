import type { Clock, Millis } from '../../base/index.ts';
import { HttpError } from '../http/errors.ts';
import { note } from '../identity/administration.ts';
import { QUOTA_RETRY_SECONDS } from '../limits.ts';
import type { Sql } from '../store/driver.ts';
import { allUsages, countBytes, setQuota, type Usage, usageOf } from '../store/quotas.ts';
import type { Store } from '../store/store.ts';
import type { TeamScope } from '../store/team-scope.ts';
import { HEADERS } from '../../wire/index.ts';

/** How full a team is: from 80 % on it is near its limit. */
export type Fullness = 'ok' | 'near' | 'full';

const NEAR = 0.8;

/**
 * Counts what is about to be stored. Senders hear 507 and come again later: nothing of theirs is judged by it.
 * @throws HttpError 507 `quota_exceeded`, with which the caller's transaction ends.
 */
export async function requireRoom(sql: Sql, team: TeamScope, bytes: number): Promise<void> {
  if (bytes === 0) return;
  const usage = await countBytes(sql, team, bytes);
  if (usage === null || usage.usedBytes <= usage.maxBytes) return;
  const { usedBytes, maxBytes } = usage;
  throw new HttpError(507, 'quota_exceeded', 'the team has no room left for this', {
    members: { quota: { used_bytes: usedBytes - bytes, max_bytes: maxBytes, asked_bytes: bytes } },
    headers: { [HEADERS.retryAfter]: String(QUOTA_RETRY_SECONDS) },
  });
}

/** Limits what a team stores to so many bytes, or no longer with null. Null is answered for a team without a limit. */
export async function limitTeam(
  store: Store,
  { team, maxBytes }: { readonly team: TeamScope; readonly maxBytes: number | null },
  clock: Clock,
): Promise<Usage | null> {
  const now: Millis = clock.now();
  return store.driver.of(team).tx(async (sql) => {
    const usage = await setQuota(sql, team, maxBytes, now);
    await note({ clock }, sql, ['quota.set', String(maxBytes ?? 'none'), team]);
    return usage;
  });
}

/** Every team with a limit, and how full it is. */
export async function listQuotas({
  driver,
}: Store): Promise<readonly (Usage & { readonly state: Fullness })[]> {
  const usages = await allUsages(driver);
  return usages.map((usage) => ({ ...usage, state: fullnessOf(usage) }));
}

/** How full one team is; null for a team without a limit. */
export async function quotaOf(
  store: Store,
  team: TeamScope,
): Promise<(Usage & { readonly state: Fullness }) | null> {
  const usage = await usageOf(store.driver.of(team), team);
  return usage === null ? null : { ...usage, state: fullnessOf(usage) };
}

/** @returns `full` once nothing more is taken. */
export function fullnessOf({ usedBytes, maxBytes }: Usage): Fullness {
  if (usedBytes >= maxBytes) return 'full';
  return usedBytes >= NEAR * maxBytes ? 'near' : 'ok';
}
