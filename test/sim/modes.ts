import type { Db } from '../../src/base/index.ts';
import { activate, readActive } from '../../src/delivery/index.ts';
import { parseSyncMode, type OptOutPolicy, type SyncMode } from '../../src/home/index.ts';
import type { Kept } from '../../src/journal/index.ts';
import { PROJECT_ID } from '../support/envelopes.ts';
import { perform, wordOf } from './calls.ts';
import { LawBroken, type Claim, type KnownEvent } from './model.ts';
import { spawn, tell, type World } from './world.ts';

const IS_AUDITED = 'SELECT 1 AS audited FROM audit WHERE event_id = :id';
const TWICE =
  'SELECT a.event_id AS id FROM audit a JOIN events e ON e.event_id = a.event_id LIMIT 1';

/** The operator chooses whether new facts are kept, and what becomes of those that may not be dropped just so. */
export function chooseMode(world: World): void {
  const { dice } = world;
  const mode = dice.weigh<SyncMode>([
    [2, 'OPT_OUT'],
    [3, 'LOCAL_RETENTION'],
  ]);
  setMode(world, mode, dice.chance(0.5) ? 'audit' : 'refuse');
}

export function setMode(world: World, mode: SyncMode, optOutPolicy: OptOutPolicy): void {
  world.rules = { machineMode: null, optOutPolicy };
  world.wasOptedOut ||= mode === 'OPT_OUT';
  const process = spawn(world, 'mode');
  const ending = perform(world, process, () => {
    const now = process.system.clock.now();
    activate(process.home.store(PROJECT_ID), { mode, routeId: null }, now);
  });
  tell(world, `${process.life.role} ${mode}, ${optOutPolicy}: ${wordOf(ending)}`);
}

/** The mode that new facts meet. */
export function isOptedOut(db: Db): boolean {
  return parseSyncMode(readActive(db)?.mode ?? '') === 'OPT_OUT';
}

/** Whether a receipt says that nothing was kept: dropped now, or on record since before. */
export function isDropped(world: World, { eventId, status, optOut }: Kept, claim: Claim): boolean {
  if (optOut === undefined || status === 'captured') return false;
  if (!world.wasOptedOut) throw new LawBroken('L1', `${eventId} was dropped though all is kept`);
  if (optOut === 'discard_allowed' && claim.isEligible)
    throw new LawBroken('L1', `${eventId} was dropped without a record`);
  return true;
}

/**
 * L9: what is recorded under OPT_OUT never leaves, and nothing else is held back. Answers the claim as it stands in
 * the journal since.
 */
export function checkKept(
  db: Db,
  row: { readonly id: string; readonly isEligible: boolean; readonly claim: Claim },
): Claim {
  const { id, isEligible, claim } = row;
  const expected = claim.isEligible && !isOptedOut(db);
  if (isEligible !== expected) {
    throw new LawBroken('L9', `${id} may ${isEligible ? '' : 'not '}leave, against its mode`);
  }
  return { ...claim, isEligible };
}

/** L1 under OPT_OUT: what was acknowledged beside the store may have been dropped when it was taken in. */
export function mayBeDropped(
  world: World,
  db: Db,
  { id, claims }: KnownEvent,
  bytes: Buffer | null,
): boolean {
  if (!world.wasOptedOut) return false;
  if (db.get(IS_AUDITED, { id }) !== undefined) return true;
  return claims.some(
    (each) => !each.isEligible && bytes !== null && each.bytes?.equals(bytes) === true,
  );
}

/** L2: an id is in the journal or on the record of what was dropped, never in both. */
export function checkAudit(world: World, db: Db): void {
  const twice = db.get<{ id: string }>(TWICE);
  if (twice !== undefined) throw new LawBroken('L2', `${twice.id} is kept and dropped on record`);
  if (world.wasOptedOut) return;
  const { n } = db.get<{ n: number }>('SELECT count(*) AS n FROM audit') ?? { n: 0 };
  if (n > 0) throw new LawBroken('L1', `${n} facts were dropped though all is kept`);
}
