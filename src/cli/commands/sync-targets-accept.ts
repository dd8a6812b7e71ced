import { acceptInstance, findTarget, listSightings, routeTo } from '../../delivery/index.ts';
import { fine, type Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { openWorkspace } from '../workspace.ts';

/** `spec-kitty sync targets accept`: another instance under the same address is the receiver that was meant. */
export async function run(context: Context): Promise<Answer> {
  const { db } = await openWorkspace(context);
  const target = findTarget(db, context.args[0] ?? '', context.system.cwd);
  const route = routeTo(db, target.id);
  if (route !== null) acceptInstance(db, route.id);
  const seen = listSightings(db, target.id).map((each) => ({
    seen_at: new Date(each.seenAt).toISOString(),
    server_instance_id: each.instanceId,
    deployment_id: each.deploymentId,
    environment_name: each.environmentName,
    git_sha: each.gitSha,
  }));
  return fine({ target_id: target.publicId, server_instance_id: target.instanceId, seen }, [
    `✓ ${target.canonicalUrl} is taken for the receiver that was delivered to`,
    '  What it was sent before counts as delivered; run `spec-kitty sync now` to go on.',
    `  Should it have everything again: \`spec-kitty sync replay --target ${target.publicId} --redeliver\`.`,
  ]);
}
