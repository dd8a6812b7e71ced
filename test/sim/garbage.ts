import type { Db } from '../../src/base/index.ts';
import { dropPlanned, planRetention } from '../../src/report/index.ts';
import { PROJECT_ID } from '../support/envelopes.ts';
import { perform, wordOf } from './calls.ts';
import { LawBroken, type KnownEvent, type Model } from './model.ts';
import { spawn, tell, type World } from './world.ts';

const PERMIT = 'SELECT 1 FROM gc_permits WHERE seq = :seq';

/** The operator drops what every target has, while captures and drains are under way. */
export function dropGarbage(world: World): void {
  const process = spawn(world, 'gc', ['gc.drop', 'gc.reclaim']);
  const ending = perform(world, process, () => {
    const db = process.home.store(PROJECT_ID);
    const plan = planRetention(db, process.system.files, 'delivered');
    return dropPlanned(process.home, db, { plan, rule: 'delivered', archiveId: null }).events;
  });
  const dropped = ending.kind === 'done' ? ` ${ending.value}` : '';
  tell(world, `${process.life.role}: ${wordOf(ending)}${dropped}`);
}

/** L3: a payload is gone by a permit alone, and only once every target ever named had said that it has it. */
export function checkGone(model: Model, db: Db, known: KnownEvent): void {
  const { id, kept } = known;
  if (kept === null) throw new LawBroken('L3', `${id} came without its payload`);
  if (model.gone.has(id)) return;
  if (db.get(PERMIT, { seq: kept.seq }) === undefined)
    throw new LawBroken('L3', `${id} lost its payload without a permit`);
  const named = model.routes.filter(({ routeId }) => routeId !== null);
  const lacking = named.find(({ mayDeliver }) => !mayDeliver.has(id));
  if (named.length === 0 || lacking !== undefined)
    throw new LawBroken('L3', `${id} lost its payload, and somebody still lacks it`);
  model.gone.add(id);
}
