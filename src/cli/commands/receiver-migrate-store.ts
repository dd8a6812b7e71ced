import { EXIT, printable, UserError } from '../../base/index.ts';
import type { Moved } from '../../server/index.ts';
import { fine, type Answer } from '../answer.ts';
import { textOption, type Context } from '../io.ts';
import { addressOf } from './receiver-store.ts';

/** `spec-kitty receiver migrate-store`: everything into another store, verified, and again after an interruption. */
export async function run(context: Context): Promise<Answer> {
  const [from, to] = ['from', 'to'].map((name) => textOption(context.options, name));
  if (from === undefined || from === null || to === undefined || to === null || from === to) {
    throw new UserError('usage', 'name two stores: --from STORE --to STORE', {
      remedy: 'spec-kitty receiver migrate-store --help',
      exitCode: EXIT.refused,
    });
  }
  const moved = await move(context, from, to);
  return fine(
    {
      server_instance_id: moved.instanceId,
      tables: moved.tables.map(({ table, rows, written, sha256 }) => ({
        table,
        rows,
        written,
        sha256,
      })),
    },
    [...moved.tables.filter(({ rows }) => rows > 0).map(toLine), `✓ Both stores hold the same.`],
  );
}

async function move(context: Context, from: string, to: string): Promise<Moved> {
  const { moveStore, openStore } = await import('../../server/index.ts');
  const { clock, ids, files } = context.system;
  const options = { clock, ids, files };
  const source = await openStore(await addressOf(context, from), { ...options, mustExist: true });
  try {
    const target = await openStore(await addressOf(context, to), options);
    try {
      return await moveStore(source, target, clock);
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

function toLine({ table, rows, sha256 }: Moved['tables'][number]): string {
  return printable(`${table.padEnd(20)}${String(rows).padStart(10)}  ${sha256.slice(0, 12)}`);
}
