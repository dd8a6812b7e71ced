import { PROVIDERS } from '../../trackers/index.ts';
import { fine, type Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { requireRollout } from '../tracker/bound.ts';

/** `spec-kitty tracker providers`: what a project can be bound to. */
export async function run(context: Context): Promise<Answer> {
  await requireRollout(context);
  const lines = ['Supported providers:', ...PROVIDERS.map((each) => `- ${each}`)];
  return fine({ providers: PROVIDERS }, lines);
}
