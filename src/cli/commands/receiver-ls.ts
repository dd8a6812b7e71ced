import { EXIT, printable, UserError } from '../../base/index.ts';
import type { EventEntry, ListOptions } from '../../server/index.ts';
import { fine, type Answer } from '../answer.ts';
import { textOption, type Context } from '../io.ts';
import { forSameDb, withStore } from './receiver-store.ts';

/** `spec-kitty receiver ls`: what arrived, in order of arrival. */
export async function run(context: Context): Promise<Answer> {
  const { listEvents, teamForOperator } = await import('../../server/index.ts');
  const project = textOption(context.options, 'project');
  const options: ListOptions = {
    ...numeric(context, 'after'),
    ...numeric(context, 'limit'),
    ...(project === null ? {} : { project }),
  };
  const page = await withStore(context, async (store) =>
    listEvents(store, options, await teamForOperator(store, textOption(context.options, 'team'))),
  );
  return fine({ events: page.items.map(entryToJson), next_cursor: page.nextCursor }, [
    ...(page.items.length === 0 ? ['Nothing here.'] : page.items.map(entryLine)),
    ...(page.nextCursor === null ? [] : [`More: ${nextPage(context, page.nextCursor)}`]),
  ]);
}

function nextPage(context: Context, after: number): string {
  const { options } = context;
  const kept = ['project', 'team', 'limit'].map((name) => {
    const value = textOption(options, name);
    return value === null ? '' : ` --${name} ${value}`;
  });
  return forSameDb(context, `spec-kitty receiver ls --after ${after}${kept.join('')}`);
}

/** One stored event under the names of the wire. */
export function entryToJson(entry: EventEntry): Readonly<Record<string, unknown>> {
  return {
    cursor: entry.cursor,
    event_id: entry.eventId,
    project_uuid: entry.projectId,
    event_type: entry.type,
    aggregate_type: entry.aggregateType,
    aggregate_id: entry.aggregateId,
    category: entry.category,
    sha256: entry.sha256,
    occurred_at: new Date(entry.occurredAt).toISOString(),
    received_at: new Date(entry.receivedAt).toISOString(),
    ...(entry.erasedAt === null ? {} : { erased_at: new Date(entry.erasedAt).toISOString() }),
  };
}

function entryLine(entry: EventEntry): string {
  const at = new Date(entry.occurredAt).toISOString();
  const word = entry.erasedAt === null ? entry.category : 'erased';
  const note = word === null ? '' : `  ${word}`;
  return printable(
    `${String(entry.cursor).padStart(6)}  ${at}  ${entry.eventId}  ${entry.type}  ${entry.aggregateId}${note}`,
  );
}

function numeric(context: Context, name: 'after' | 'limit'): ListOptions {
  const text = textOption(context.options, name);
  if (text === null) return {};
  if (/^\d{1,15}$/.test(text)) return { [name]: Number(text) };
  throw new UserError('usage', `--${name} takes a number, not ${text}`, {
    remedy: 'spec-kitty receiver ls --help',
    exitCode: EXIT.refused,
  });
}
