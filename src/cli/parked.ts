import { EXIT, UserError } from '../base/index.ts';
import { findTarget, listParked, listStuck, routeTo, type ParkedItem } from '../delivery/index.ts';
import { flagOption, textOption, type Context } from './io.ts';
import { STREAMS, type Workspace } from './workspace.ts';

/** What was answered and waits no longer than this may still arrive by itself. */
const GIVES_UP_AFTER_MS = 86_400_000;

/** Whether a command is about what waits, and not about what is parked. */
export function isAboutWaiting({ options }: Context): boolean {
  return flagOption(options, 'waiting');
}

/** The parked items that a command's ids and filters name; with `--waiting` those that were answered and still wait. */
export function selectParked(
  context: Context,
  workspace: Workspace,
  ids: readonly string[],
): readonly ParkedItem[] {
  const { options } = context;
  const reference = textOption(options, 'target');
  const target =
    reference === null ? null : findTarget(workspace.db, reference, context.system.cwd);
  const route = target === null ? null : routeTo(workspace.db, target.id);
  const filter = {
    ...(ids.length === 0 ? {} : { ids }),
    code: textOption(options, 'code'),
    mission: textOption(options, 'mission'),
    routeId: route?.id ?? null,
  };
  if (!isAboutWaiting(context)) {
    return STREAMS.flatMap((stream) => listParked(workspace.db, stream, filter));
  }
  // Who names an item knows how long it has waited.
  const keptBefore = ids.length > 0 ? null : workspace.now - GIVES_UP_AFTER_MS;
  return STREAMS.flatMap((stream) => listStuck(workspace.db, stream, { ...filter, keptBefore }));
}

/** The items a change is meant for: ids, a filter or `--all`, never everything by accident. */
export function requireParked(context: Context, workspace: Workspace): readonly ParkedItem[] {
  const { options, args } = context;
  const filtered = ['code', 'mission', 'target'].some((name) => textOption(options, name) !== null);
  if (args.length === 0 && !filtered && !flagOption(options, 'all')) {
    throw new UserError('usage', 'name items, a filter, or --all', {
      remedy: 'spec-kitty sync parked list',
      exitCode: EXIT.refused,
    });
  }
  const items = selectParked(context, workspace, args);
  const missing = args.find((id) => !items.some((item) => item.id === id));
  if (missing === undefined) return items;
  const isWaiting = isAboutWaiting(context);
  const state = isWaiting ? 'was answered and waits' : 'is parked';
  throw new UserError('not_found', `nothing called ${missing} ${state}`, {
    remedy: isWaiting ? 'spec-kitty sync parked list --waiting' : 'spec-kitty sync parked list',
  });
}

/** A parked item under the names of reports. */
export function parkedToJson(item: ParkedItem): Readonly<Record<string, unknown>> {
  return {
    stream: item.stream,
    ...NAMES[item.stream](item),
    mission: item.mission,
    target_id: item.targetId,
    canonical_url: item.canonicalUrl,
    code: item.code,
    http_status: item.httpStatus,
    error: item.detail,
    attempts: item.attempts,
    parked_at: item.parkedAt === null ? null : new Date(item.parkedAt).toISOString(),
  };
}

type Names = (item: ParkedItem) => Readonly<Record<string, unknown>>;

const NAMES: Readonly<Record<ParkedItem['stream'], Names>> = {
  events: ({ id, type }) => ({ event_id: id, event_type: type }),
  bodies: ({ id, type }) => ({ artifact: id, artifact_path: type }),
  snapshots: ({ id, type }) => ({ snapshot: id, provider: type }),
};
