import path from 'node:path';
import { releaseBallast, reserveBallast } from '../../home/index.ts';
import { archive, planRetention } from '../../report/index.ts';
import { fine, type Answer } from '../answer.ts';
import { textOption, type Context } from '../io.ts';
import { bytesText, isConfirmed, planToJson } from '../retention.ts';
import { openWorkspace } from '../workspace.ts';

/** `spec-kitty sync archive`: moves payloads that no target waits for into a file that can be checked. */
export async function run(context: Context): Promise<Answer> {
  const { home, system, options } = context;
  releaseBallast(home);
  try {
    const { db } = await openWorkspace(context, { ballast: false });
    const plan = planRetention(db, system.files, 'settled');
    const stated = textOption(options, 'to');
    const file = stated === null ? null : path.resolve(system.cwd, stated);
    const json = { dry_run: true, plan: planToJson(plan), archived: 0, archive: null };
    if (plan.unneeded.length === 0) {
      return fine(json, ['Nothing to archive: every payload that is here is waited for.']);
    }
    const what = `${plan.unneeded.length} payload(s), ${bytesText(plan.bytes)}`;
    if (!(await isConfirmed(context, `Move ${what} into an archive?`))) {
      return fine(json, [
        `Would archive ${what} that no target waits for; ${plan.kept} stay.`,
        'Nothing was changed. To do it, run `spec-kitty sync archive --yes`.',
      ]);
    }
    const done = await archive(home, db, { plan, file });
    if (done === null) return fine(json, ['Nothing to archive: no payload is as it was captured.']);
    const { header, dropped } = done;
    return fine(
      {
        dry_run: false,
        plan: planToJson(plan),
        archived: header.events,
        archive: done.path,
        archive_bytes: done.fileBytes,
        digest: header.digest,
        purged: dropped.events,
        purged_bytes: dropped.bytes,
        store_bytes_before: dropped.storeBefore,
        store_bytes_after: dropped.storeAfter,
      },
      [
        `archive: archived ${header.events}  purged ${dropped.events}  kept ${plan.kept}  (${bytesText(dropped.bytes)} of payloads; store ${dropped.storeBefore} -> ${dropped.storeAfter} bytes)`,
        `  ${done.path} (${bytesText(done.fileBytes)})`,
        `  Put them back with \`spec-kitty sync archive restore ${done.path}\`.`,
      ],
    );
  } finally {
    reserveBallast(home);
  }
}
