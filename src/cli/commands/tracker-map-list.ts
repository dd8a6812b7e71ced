import { printable } from '../../base/index.ts';
import { mappingToWire, readMappings } from '../../trackers/index.ts';
import { fine, type Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { openBound } from '../tracker/bound.ts';

/** `spec-kitty tracker map list`: which issue each work package is. */
export async function run(context: Context): Promise<Answer> {
  const { workspace, tracking, lines } = await openBound(context);
  const mappings = readMappings(workspace.db, tracking.bindingId);
  const listed = mappings.map(({ wpId, system, externalKey, externalId }) =>
    printable(`- ${wpId}: ${system}:${externalKey ?? externalId}`),
  );
  return fine({ mappings: mappings.map(mappingToWire) }, [
    ...lines,
    ...(listed.length === 0 ? ['No mapping.'] : listed),
  ]);
}
