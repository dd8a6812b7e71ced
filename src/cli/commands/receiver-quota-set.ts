import { EXIT, printable, UserError } from '../../base/index.ts';
import { fine, type Answer } from '../answer.ts';
import { textOption, type Context } from '../io.ts';
import { withStore } from './receiver-store.ts';

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 };

/** `spec-kitty receiver quota set`: how many bytes a team may store. */
export async function run(context: Context): Promise<Answer> {
  const { limitTeam, teamForOperator } = await import('../../server/index.ts');
  const maxBytes = bytesOf(context.args[0] ?? '');
  const usage = await withStore(context, async (store) => {
    const team = await teamForOperator(store, textOption(context.options, 'team'));
    return limitTeam(store, { team, maxBytes }, context.system.clock);
  });
  const json = { max_bytes: usage?.maxBytes ?? null, used_bytes: usage?.usedBytes ?? null };
  return fine(json, [
    usage === null
      ? '✓ The team may store without limit'
      : `✓ The team stores ${usage.usedBytes} of ${usage.maxBytes} bytes`,
  ]);
}

function bytesOf(text: string): number | null {
  if (text === 'none') return null;
  const [, digits, unit = ''] = /^(\d{1,12})([KMG]?)$/i.exec(text) ?? [];
  if (digits !== undefined) return Number(digits) * (UNITS[unit.toUpperCase()] ?? 1);
  const message = `not a number of bytes, like 500M, nor none: ${printable(text, 50)}`;
  throw new UserError('usage', message, {
    remedy: 'spec-kitty receiver quota set --help',
    exitCode: EXIT.refused,
  });
}
