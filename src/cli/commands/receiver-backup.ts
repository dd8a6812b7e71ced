import path from 'node:path';
import { printable } from '../../base/index.ts';
import { fine, type Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { withStore } from './receiver-store.ts';

/** `spec-kitty receiver backup`: everything a receiver holds in one new file, while it goes on. */
export async function run(context: Context): Promise<Answer> {
  const { backUp } = await import('../../server/index.ts');
  const { system, args } = context;
  const file = path.resolve(system.cwd, args[0] ?? '');
  await withStore(context, (store) => backUp(store, file, system));
  const bytes = system.files.stat(file)?.size ?? 0;
  return fine({ file, bytes }, [printable(`✓ ${file} holds all of it, ${bytes} bytes`)]);
}
