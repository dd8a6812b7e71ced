import { EXIT, printable, UserError } from '../../base/index.ts';
import { claimantOf, keepMapping } from '../../trackers/index.ts';
import { fine, type Answer } from '../answer.ts';
import { textOption, type Context } from '../io.ts';
import { openBound } from '../tracker/bound.ts';

/** `spec-kitty tracker map add`: says which issue a work package is. */
export async function run(context: Context): Promise<Answer> {
  const wpId = requireOption(context, 'wpId', '--wp-id');
  const externalId = requireOption(context, 'externalId', '--external-id');
  const { workspace, tracking, lines } = await openBound(context);
  const { db, now } = workspace;
  const at = new Date(now).toISOString();
  const mapping = {
    wpId,
    system: tracking.binding.provider,
    externalId,
    externalKey: optional(context, 'externalKey'),
    externalUrl: optional(context, 'externalUrl'),
    createdAt: at,
    updatedAt: at,
  };
  const claimant = claimantOf(db, tracking.bindingId, mapping);
  if (claimant !== null) {
    throw new UserError('usage', `${printable(claimant)} is ${printable(externalId)} already`, {
      remedy: 'spec-kitty tracker map list',
    });
  }
  keepMapping(db, tracking.bindingId, mapping);
  return fine({ wp_id: wpId, system: mapping.system, external_id: externalId }, [
    ...lines,
    `Mapping saved: ${printable(wpId)} -> ${printable(externalId)}`,
  ]);
}

function optional({ options }: Context, name: string): string | null {
  const text = textOption(options, name)?.trim() ?? '';
  return text === '' ? null : text;
}

function requireOption(context: Context, name: string, flag: string): string {
  const text = optional(context, name);
  if (text !== null) return text;
  throw new UserError('usage', `${flag} is needed`, {
    remedy: 'spec-kitty tracker map add --help',
    exitCode: EXIT.refused,
  });
}
