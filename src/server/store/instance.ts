import { type Clock, type Ids, IntegrityError } from '../../base/index.ts';
import type { Sql } from './driver.ts';

const MAKE = `
  INSERT INTO instance (one, server_instance_id, created_at) VALUES (1, $1, $2)
  ON CONFLICT (one) DO NOTHING RETURNING server_instance_id`;
const READ = 'SELECT server_instance_id FROM instance';

/** The store's own id; a store without one gets it now, the same for every process that asks at this moment. */
export async function instanceOf(
  sql: Sql,
  { ids, clock }: { readonly ids: Ids; readonly clock: Clock },
): Promise<string> {
  const found = await readInstance(sql);
  if (found !== null) return found;
  await sql.all(MAKE, [ids.uuid(), clock.now()]);
  const made = await readInstance(sql);
  if (made === null) throw new IntegrityError('the receiver has no instance id');
  return made;
}

const RENEW = 'UPDATE instance SET server_instance_id = $1, created_at = $2';

/** Makes the store another receiver. @returns its new id. */
export async function renewInstance(
  sql: Sql,
  { ids, clock }: { readonly ids: Ids; readonly clock: Clock },
): Promise<string> {
  const id = ids.uuid();
  await sql.each(RENEW, [[id, clock.now()]]);
  return id;
}

/** The store's id, null when it has none yet. */
export async function readInstance(sql: Sql): Promise<string | null> {
  const [row] = await sql.all<{ readonly server_instance_id: string }>(READ);
  return row?.server_instance_id ?? null;
}
