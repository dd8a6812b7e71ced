import path from 'node:path';
import { EXIT } from '../../base/index.ts';
import { restore } from '../../report/index.ts';
import type { Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { openWorkspace } from '../workspace.ts';

/** `spec-kitty sync archive restore`: puts the payloads of an archive back, byte for byte. */
export async function run(context: Context): Promise<Answer> {
  const file = path.resolve(context.system.cwd, context.args[0] ?? '');
  const { journal } = await openWorkspace(context);
  const done = await restore(context.home, journal, file);
  const lines = [
    `✓ ${done.restored} payload(s) are back; ${done.present} of ${done.header.events} were here`,
  ];
  if (done.recaptured > 0) lines.push(`  ${done.recaptured} event(s) the journal had lost`);
  if (done.queued > 0) lines.push(`  ${done.queued} are queued for targets that lack them`);
  if (done.conflicts > 0)
    lines.push(`  ${done.conflicts} stand for another event here and were left`);
  return {
    exit: done.conflicts > 0 ? EXIT.integrity : EXIT.fine,
    json: {
      archive: file,
      events: done.header.events,
      restored: done.restored,
      present: done.present,
      recaptured: done.recaptured,
      queued: done.queued,
      conflicts: done.conflicts,
    },
    lines,
  };
}
