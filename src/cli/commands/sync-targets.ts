import { findDestination, listRoutes } from '../../delivery/index.ts';
import { fine, type Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { openWorkspace } from '../workspace.ts';

/** `spec-kitty sync targets`: every place this project was ever pointed at. */
export async function run(context: Context): Promise<Answer> {
  const { db } = await openWorkspace(context);
  const destination = await findDestination(context.home, db, { processWideOverride: true });
  const routes = listRoutes(db);
  const targets = routes.map((route) => ({
    target_id: route.target.publicId,
    kind: route.target.kind,
    canonical_url: route.target.canonicalUrl,
    team_slug: route.target.team,
    user_email: route.target.user,
    active: route.id === destination.route?.id,
    granted: route.grantedAt !== null,
    allow_http: route.target.allowHttp,
    server_instance_id: route.target.instanceId,
    blocked_reason: route.blocked?.reason ?? null,
  }));
  const lines = targets.map(
    (each) =>
      `${each.active ? '*' : ' '} ${each.canonical_url}  ${each.kind}  ${each.granted ? 'granted' : 'not granted'}${each.allow_http ? '  plain http' : ''}  ${each.target_id}`,
  );
  return fine({ targets }, lines.length === 0 ? ['This project never named a target.'] : lines);
}
