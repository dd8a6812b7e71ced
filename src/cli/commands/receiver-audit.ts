import { EXIT, printable } from '../../base/index.ts';
import type { Answer } from '../answer.ts';
import { countOption } from '../history/filters.ts';
import type { Context } from '../io.ts';
import { isoOf, withStore } from './receiver-store.ts';

const LIMIT = { usual: 50, most: 10_000, command: 'receiver audit' };

/** `spec-kitty receiver audit`: what was noted last, and whether the whole chain still holds. */
export async function run(context: Context): Promise<Answer> {
  const { readAudit } = await import('../../server/index.ts');
  const limit = countOption(context, 'limit', LIMIT);
  const { entries: found, brokenAt } = await withStore(context, (store) => readAudit(store, limit));
  const entries = found.map((each) => ({
    entry: each.entry,
    at: isoOf(each.at),
    team: each.teamId,
    actor: each.actor,
    action: each.action,
    subject: each.subject,
  }));
  const lines = entries.map(({ entry, at, actor, action, subject }) =>
    printable(`${String(entry).padStart(6)}  ${at}  ${action}  ${actor}  ${subject}`),
  );
  return {
    exit: brokenAt === null ? EXIT.fine : EXIT.integrity,
    json: { entries, intact: brokenAt === null, broken_at: brokenAt },
    lines: [
      ...lines,
      brokenAt === null
        ? '✓ The chain holds'
        : `✗ Entry ${brokenAt} does not follow from the one before: the audit was changed`,
    ],
  };
}
