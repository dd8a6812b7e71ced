import type { Db } from '../../base/index.ts';
import type { Home } from '../../home/index.ts';
import { PAGE_SIZE } from '../limits.ts';
import { keepCheckpoint, keepIssue, readCheckpoint, type Checkpoint } from '../store.ts';
import type { Tracking } from '../tracking.ts';
import { openSource } from './access.ts';
import type { PageReply, PullStop } from './source.ts';

/** What one pull did. */
export interface PullReport {
  readonly created: number;
  readonly updated: number;
  /** They were looked at and had not changed. */
  readonly unchanged: number;
  /** More is there than the limit let in. */
  readonly isMore: boolean;
  /** Why it ended before its end, null otherwise. */
  readonly stop: PullStop | null;
}

type Page = Extract<PageReply, { kind: 'page' }>;

/**
 * Pulls what changed since the last complete pass, a page a transaction together with how far it has come: killed at
 * any moment, the next pull goes on there.
 * @throws UserError `usage`, `invalid_url`, `insecure_url`.
 */
export async function pullIssues(
  home: Home,
  db: Db,
  tracking: Tracking,
  options: { readonly limit: number; readonly signal: AbortSignal },
): Promise<PullReport> {
  const source = openSource(home, tracking, options.signal);
  const { bindingId } = tracking;
  const { clock } = home.system;
  const counts = { created: 0, updated: 0, unchanged: 0 };
  let looked = 0;
  while (looked < options.limit) {
    const checkpoint = readCheckpoint(db, bindingId);
    const size = Math.min(PAGE_SIZE, options.limit - looked);
    const { cursor, updatedSince: since } = checkpoint;
    const reply = await source.page({ since, cursor, size });
    if (reply.kind === 'stopped') return { ...counts, isMore: true, stop: reply.stop };
    if (reply.kind === 'lost') {
      keepCheckpoint(db, bindingId, { ...checkpoint, cursor: null, newest: null });
      continue;
    }
    db.tx(() => {
      const now = clock.now();
      for (const { shown, ...issue } of reply.issues) {
        const kept = { ...issue, shown: JSON.stringify(shown) };
        counts[keepIssue(db, bindingId, kept, now)] += 1;
      }
      keepCheckpoint(db, bindingId, after(checkpoint, reply));
    });
    looked += reply.issues.length;
    if (reply.next === null) return { ...counts, isMore: false, stop: null };
  }
  return { ...counts, isMore: true, stop: null };
}

/**
 * How far a page brings a pass. The newest change is the one its first page shows: what changes later is found by the
 * next pass, whatever the tracker shows on further pages.
 */
function after({ cursor, updatedSince, newest }: Checkpoint, { issues, next }: Page): Checkpoint {
  const seen = cursor === null ? newestOf(issues) : newest;
  if (next !== null) return { cursor: next, updatedSince, newest: seen };
  return { cursor: null, updatedSince: seen ?? updatedSince, newest: null };
}

function newestOf(issues: Page['issues']): string | null {
  const times = issues.flatMap(({ updatedAt }) => updatedAt ?? []).sort();
  return times.at(-1) ?? null;
}
