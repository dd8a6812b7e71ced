import { printable, UserError } from '../../base/index.ts';
import { fine, type Answer } from '../answer.ts';
import { textOption, type Context } from '../io.ts';
import { entryToJson } from './receiver-ls.ts';
import { forSameDb, withStore } from './receiver-store.ts';

const MAX_SHOWN_BYTES = 1_048_576;

/** `spec-kitty receiver show`: one event with the bytes it came as. */
export async function run(context: Context): Promise<Answer> {
  const { showEvent, teamForOperator } = await import('../../server/index.ts');
  const id = context.args[0] ?? '';
  const project = textOption(context.options, 'project');
  const found = await withStore(context, async (store) =>
    showEvent(store, id, await teamForOperator(store, textOption(context.options, 'team'))),
  );
  const events = found.filter((event) => project === null || event.projectId === project);
  if (events.length === 0) {
    throw new UserError('not_found', `this receiver holds no event ${printable(id, 100)}`, {
      remedy: forSameDb(context, 'spec-kitty receiver ls'),
    });
  }
  const shown = events.map((event) => ({
    ...entryToJson(event),
    envelope: Buffer.from(event.bytes).toString('utf8'),
  }));
  const lines = events.flatMap((event) => [
    `Event ${event.eventId}  ${event.type}`,
    `  Project   ${event.projectId}`,
    `  About     ${printable(`${event.aggregateType} ${event.aggregateId}`)}`,
    `  Occurred  ${new Date(event.occurredAt).toISOString()}`,
    `  Received  ${new Date(event.receivedAt).toISOString()}`,
    `  SHA-256   ${event.sha256}`,
    event.erasedAt === null
      ? `  ${printable(Buffer.from(event.bytes).toString('utf8'), MAX_SHOWN_BYTES)}`
      : `  Erased    ${new Date(event.erasedAt).toISOString()}`,
  ]);
  return fine({ events: shown }, lines);
}
