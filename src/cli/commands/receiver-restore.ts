import path from 'node:path';
import { fine, type Answer } from '../answer.ts';
import { textOption, type Context } from '../io.ts';
import { addressOf } from './receiver-store.ts';

/** `spec-kitty receiver restore`: a store from a backup, as another receiver than it was. */
export async function run(context: Context): Promise<Answer> {
  const { restore } = await import('../../server/index.ts');
  const { system, args, options } = context;
  const backup = args[0] === undefined ? null : path.resolve(system.cwd, args[0]);
  const address = await addressOf(context, textOption(options, 'db') ?? 'receiver.db');
  const { from, instanceId } = await restore(backup, address, system);
  return fine({ server_instance_id: instanceId, was: from }, [
    `✓ Restored as ${instanceId}; it was ${from}`,
    'Its clients stop, and say how to accept it; then `spec-kitty sync replay --redeliver` sends what it misses.',
  ]);
}
