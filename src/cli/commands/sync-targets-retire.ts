import {
  countDeliveredEverywhere,
  findTarget,
  retireTarget,
  revoke,
  routeTo,
} from '../../delivery/index.ts';
import { fine, type Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { openWorkspace, STREAMS } from '../workspace.ts';

/** `spec-kitty sync targets retire`: a target that is no longer waited for, and what that lets gc drop. */
export async function run(context: Context): Promise<Answer> {
  const { db, now } = await openWorkspace(context);
  const target = findTarget(db, context.args[0] ?? '', context.system.cwd);
  const { before, after, withheld } = db.tx(() => {
    const had = countDeliveredEverywhere(db);
    const route = routeTo(db, target.id);
    const options = { by: 'sync targets retire', now, streams: STREAMS };
    const moved = route === null ? 0 : revoke(db, { routeId: route.id, ...options });
    retireTarget(db, target.id, now);
    return { before: had, after: countDeliveredEverywhere(db), withheld: moved };
  });
  const unlocked = {
    events: Math.max(0, after.events - before.events),
    bytes: Math.max(0, after.bytes - before.bytes),
  };
  return fine(
    {
      target_id: target.publicId,
      canonical_url: target.canonicalUrl,
      withheld,
      unlocked_events: unlocked.events,
      unlocked_bytes: unlocked.bytes,
    },
    [
      `✓ ${target.canonicalUrl} is retired: nothing is sent there, and nothing waits for it`,
      `  ${unlocked.events} more event(s), ${unlocked.bytes} bytes, are delivered to every target that is left, and gc may drop their payloads.`,
      `  Nothing was deleted; \`spec-kitty sync opt-in --target ${target.publicId}\` takes it back.`,
    ],
  );
}
