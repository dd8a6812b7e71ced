import { printable } from '../../base/index.ts';
import { findDestination, isRetired, listRoutes, listSightings } from '../../delivery/index.ts';
import { fine, type Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { openWorkspace } from '../workspace.ts';

/** Changes of a receiver that people are shown. */
const MAX_SEEN = 3;

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
    retired: isRetired(db, route.target.id),
    server_instance_id: route.target.instanceId,
    seen: listSightings(db, route.target.id).map((each) => ({
      seen_at: new Date(each.seenAt).toISOString(),
      server_instance_id: each.instanceId,
      deployment_id: each.deploymentId,
      environment_name: each.environmentName,
      git_sha: each.gitSha,
    })),
    blocked_reason: route.blocked?.reason ?? null,
  }));
  const lines = targets.flatMap((each) => [
    `${each.active ? '*' : ' '} ${each.canonical_url}  ${each.kind}  ${each.granted ? 'granted' : 'not granted'}${each.retired ? '  retired' : ''}${each.allow_http ? '  plain http' : ''}  ${each.target_id}`,
    ...each.seen.slice(0, MAX_SEEN).map((seen) => printable(`    ${seenLine(seen)}`)),
  ]);
  return fine({ targets }, lines.length === 0 ? ['This project never named a target.'] : lines);
}

function seenLine(seen: {
  readonly seen_at: string;
  readonly server_instance_id: string | null;
  readonly deployment_id: string | null;
  readonly environment_name: string | null;
  readonly git_sha: string | null;
}): string {
  const said = [
    ['instance', seen.server_instance_id],
    ['deployment', seen.deployment_id],
    ['environment', seen.environment_name],
    ['commit', seen.git_sha],
  ].flatMap(([word, value]) => (value == null ? [] : [`${word ?? ''} ${value}`]));
  return `since ${seen.seen_at}: ${said.join(', ')}`;
}
