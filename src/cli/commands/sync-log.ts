import {
  formatCursor,
  listEvents,
  LOG_STATES,
  parseCursor,
  type LogFilter,
} from '../../delivery/index.ts';
import { fine, type Answer } from '../answer.ts';
import { countOption, misused, readFilter, routeOption } from '../history/filters.ts';
import { entryToJson, logLines } from '../history/log-view.ts';
import { textOption, type Context } from '../io.ts';
import { openWorkspace } from '../workspace.ts';

const COMMAND = 'sync log';
const LIMIT = { usual: 50, most: 10_000, command: COMMAND };

/** `spec-kitty sync log`: what was recorded, newest first, and what became of it at each target. */
export async function run(context: Context): Promise<Answer> {
  const workspace = await openWorkspace(context);
  const { db } = workspace;
  const from = textOption(context.options, 'before');
  const limit = countOption(context, 'limit', LIMIT);
  const filter: LogFilter = {
    ...readFilter(context, COMMAND),
    state: stateOption(context),
    routeId: routeOption(context, workspace)?.id ?? null,
  };
  const before = from === null ? null : parseCursor(db, '--before', from);
  const page = db.snapshot(() => listEvents(db, { filter, before, limit }));
  const next = page.before === null ? null : formatCursor(db, page.before);
  const json = { events: page.entries.map((entry) => entryToJson(db, entry)), next };
  return fine(json, [
    ...(page.entries.length === 0 ? ['No event fits.'] : logLines(page.entries)),
    ...(next === null ? [] : ['', `Older ones: the same command with \`--before ${next}\`.`]),
  ]);
}

function stateOption(context: Context): LogFilter['state'] {
  const text = textOption(context.options, 'state');
  if (text === null) return null;
  const state = LOG_STATES.find((each) => each === text);
  if (state !== undefined) return state;
  throw misused(`--state takes ${LOG_STATES.join(', ')}, not ${text}`, COMMAND);
}
