import { EXIT, UserError } from '../base/index.ts';
import {
  eventsStream,
  findTarget,
  listParked,
  routeTo,
  type ParkedItem,
} from '../delivery/index.ts';
import { flagOption, textOption, type Context } from './io.ts';
import type { Workspace } from './workspace.ts';

/** The parked items that a command's ids and filters name. */
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
  return listParked(workspace.db, eventsStream, {
    ...(ids.length === 0 ? {} : { ids }),
    code: textOption(options, 'code'),
    mission: textOption(options, 'mission'),
    routeId: route?.id ?? null,
  });
}

/** The items a change is meant for: ids, a filter or `--all`, never everything by accident. */
export function requireParked(context: Context, workspace: Workspace): readonly ParkedItem[] {
  const { options, args } = context;
  const filtered = ['code', 'mission', 'target'].some((name) => textOption(options, name) !== null);
  if (args.length === 0 && !filtered && !flagOption(options, 'all')) {
    throw new UserError('usage', 'name events, a filter, or --all', {
      remedy: 'spec-kitty sync parked list',
      exitCode: EXIT.refused,
    });
  }
  const items = selectParked(context, workspace, args);
  const missing = args.find((id) => !items.some((item) => item.id === id));
  if (missing === undefined) return items;
  throw new UserError('not_found', `no event ${missing} is parked`, {
    remedy: 'spec-kitty sync parked list',
  });
}

/** A parked item under the names of reports. */
export function parkedToJson(item: ParkedItem): Readonly<Record<string, unknown>> {
  return {
    event_id: item.id,
    event_type: item.type,
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
