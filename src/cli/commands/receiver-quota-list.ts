import { printable } from '../../base/index.ts';
import { fine, type Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { withStore } from './receiver-store.ts';

/** `spec-kitty receiver quota list`: the teams that have a limit, and how full they are. */
export async function run(context: Context): Promise<Answer> {
  const { listQuotas } = await import('../../server/index.ts');
  const quotas = await withStore(context, listQuotas);
  const json = quotas.map(({ teamId, usedBytes, maxBytes, state }) => ({
    team: teamId,
    used_bytes: usedBytes,
    max_bytes: maxBytes,
    state,
  }));
  const lines = quotas.map(({ teamId, usedBytes, maxBytes, state }) =>
    printable(`${state.padEnd(5)} ${usedBytes} of ${maxBytes} bytes  ${teamId}`),
  );
  return fine({ quotas: json }, lines.length === 0 ? ['No team has a limit.'] : lines);
}
