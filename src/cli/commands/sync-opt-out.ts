import { findTarget, listRoutes, readActive, revoke, type Route } from '../../delivery/index.ts';
import { modeInForce } from '../../home/index.ts';
import { fine, type Answer } from '../answer.ts';
import { textOption, type Context } from '../io.ts';
import { openWorkspace, STREAMS, type Workspace } from '../workspace.ts';

/** `spec-kitty sync opt-out`: withdraws the permission to send. Nothing is deleted, here or at a receiver. */
export async function run(context: Context): Promise<Answer> {
  const workspace = await openWorkspace(context);
  const { db, now } = workspace;
  const granted = chosenRoutes(context, workspace).filter((route) => route.grantedAt !== null);
  const withdrawn = granted.map((route) => ({
    target_id: route.target.publicId,
    canonical_url: route.target.canonicalUrl,
    withheld: revoke(db, { routeId: route.id, by: 'sync opt-out', now, streams: STREAMS }),
  }));
  const lines = withdrawn.map(
    (each) =>
      `✓ Nothing more is sent to ${each.canonical_url}; ${each.withheld} waiting event(s) are withheld`,
  );
  return fine({ withdrawn }, [
    ...(lines.length === 0 ? ['This project had no permission to send.'] : lines),
    ...(await recordingLines(context, workspace)),
  ]);
}

async function recordingLines(context: Context, { db }: Workspace): Promise<readonly string[]> {
  const { machineMode } = await context.home.captureRules();
  const { mode } = modeInForce(readActive(db)?.mode ?? null, machineMode);
  if (mode === 'OPT_OUT') {
    return [
      '  Nothing was deleted. The mode is OPT_OUT: `spec-kitty sync mode` says what is recorded.',
    ];
  }
  return [
    '  Facts are still recorded and nothing was deleted. `spec-kitty sync opt-in` permits it again.',
    '  (The mode OPT_OUT is something else: it would stop recording. See `spec-kitty sync mode --help`.)',
  ];
}

function chosenRoutes(context: Context, workspace: Workspace): readonly Route[] {
  const reference = textOption(context.options, 'target');
  const routes = listRoutes(workspace.db);
  if (reference === null) return routes;
  const target = findTarget(workspace.db, reference, context.system.cwd);
  return routes.filter((route) => route.target.id === target.id);
}
