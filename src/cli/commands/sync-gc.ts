import { countTexts } from '../../bodies/index.ts';
import { releaseBallast, reserveBallast } from '../../home/index.ts';
import {
  dropPlanned,
  planRetention,
  type Dropped,
  type RetentionPlan,
} from '../../report/index.ts';
import { fine, type Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { bytesText, isConfirmed, planToJson } from '../retention.ts';
import { openWorkspace } from '../workspace.ts';

/** `spec-kitty sync gc`: drops payloads that every registered target has; ids, hashes and history stay. */
export async function run(context: Context): Promise<Answer> {
  const { home, system } = context;
  // Before anything is opened: on a full disk not even that works.
  releaseBallast(home);
  try {
    const { db } = await openWorkspace(context, { ballast: false });
    const plan = planRetention(db, system.files, 'delivered');
    const texts = countTexts(db);
    const stay = texts === 0 ? '' : `; all ${texts} text(s) of artifacts stay`;
    const what = `${plan.unneeded.length} payload(s), ${bytesText(plan.bytes)}`;
    const found = { plan, texts };
    if (plan.unneeded.length === 0) return answer(found, null, [nothing(plan)]);
    const confirmed = await isConfirmed(context, `Drop ${what} that every target has?`);
    if (!confirmed) {
      return answer(found, null, [
        `Would drop ${what} that every registered target has; ${plan.kept} stay${stay}.`,
        'Nothing was dropped. To drop them, run `spec-kitty sync gc --yes`.',
      ]);
    }
    const dropped = dropPlanned(home, db, { plan, rule: 'delivered', archiveId: null });
    return answer(found, dropped, [
      `gc: purged ${dropped.events}  kept ${plan.kept}  (${bytesText(dropped.bytes)} of payloads; store ${dropped.storeBefore} -> ${dropped.storeAfter} bytes${stay})`,
    ]);
  } finally {
    reserveBallast(home);
  }
}

function nothing(plan: RetentionPlan): string {
  if (plan.targets === 0) return 'Nothing to drop: this project has no target that has anything.';
  return `Nothing to drop: no payload is at every registered target (${plan.targets}) and still here.`;
}

function answer(
  { plan, texts }: { readonly plan: RetentionPlan; readonly texts: number },
  dropped: Dropped | null,
  lines: readonly string[],
): Answer {
  const json = {
    dry_run: dropped === null,
    plan: planToJson(plan),
    purged: dropped?.events ?? 0,
    purged_bytes: dropped?.bytes ?? 0,
    purged_texts: 0,
    kept_texts: texts,
    store_bytes_before: dropped?.storeBefore ?? plan.storeBytes,
    store_bytes_after: dropped?.storeAfter ?? plan.storeBytes,
  };
  return fine(json, lines);
}
