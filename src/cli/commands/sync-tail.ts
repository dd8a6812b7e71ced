import { formatCursor, listAfter, parseCursor, type LogEntry } from '../../delivery/index.ts';
import type { Db } from '../../base/index.ts';
import { fine, type Answer } from '../answer.ts';
import { countOption } from '../history/filters.ts';
import { entryToJson, logLines } from '../history/log-view.ts';
import { textOption, type Context } from '../io.ts';
import { openWorkspace } from '../workspace.ts';

const COMMAND = 'sync tail';
const LIMIT = { usual: 100, most: 10_000, command: COMMAND };
const WAIT = { usual: 0, most: 3_600, command: COMMAND };
const LOOK_EVERY_MS = 100;

/** `spec-kitty sync tail`: what was recorded behind a cursor, oldest first, and where to go on. */
export async function run(context: Context): Promise<Answer> {
  const { db } = await openWorkspace(context);
  const after = parseCursor(db, '--since', textOption(context.options, 'since') ?? '0');
  const limit = countOption(context, 'limit', LIMIT);
  const seconds = countOption(context, 'wait', WAIT);
  const entries = await nextEvents(context, db, { after, limit, seconds });
  const next = formatCursor(db, entries.at(-1)?.seq ?? after);
  const json = {
    events: entries.map((entry) => entryToJson(db, entry)),
    next,
    more: entries.length === limit,
  };
  return fine(json, [
    ...(entries.length === 0 ? ['Nothing new.'] : logLines(entries)),
    '',
    `Go on with \`spec-kitty sync tail --since ${next}\`.`,
  ]);
}

/** Looks again whenever another process committed, until something is there or the time is up. */
async function nextEvents(
  context: Context,
  db: Db,
  page: { readonly after: number; readonly limit: number; readonly seconds: number },
): Promise<readonly LogEntry[]> {
  const { clock } = context.system;
  const { signal } = context.io;
  const deadline = clock.monotonic() + page.seconds * 1000;
  for (;;) {
    const version = db.dataVersion();
    const entries = listAfter(db, page.after, page.limit);
    const isOver = (): boolean => signal.aborted || clock.monotonic() >= deadline;
    while (entries.length === 0 && db.dataVersion() === version && !isOver()) {
      await clock.sleep(LOOK_EVERY_MS, signal);
    }
    if (entries.length > 0 || isOver()) return entries;
  }
}
