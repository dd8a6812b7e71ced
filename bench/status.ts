import { eventsStream } from '../src/delivery/index.ts';
import { gatherProject } from '../src/report/index.ts';
import { growth, limitGoal, pairs, timed, type Measured } from './measure.ts';
import { createWorld, fill, pointAt, type World } from './world.ts';

const PAIRS = 21;

/** G10: the facts of a project with two targets, beside the 10 ms it may take and beside a small store. */
export async function benchStatus(sizes: readonly number[]): Promise<readonly Measured[]> {
  const lines: Measured[] = [];
  const taken: [size: number, ms: number][] = [];
  const small = worldOf(1_000);
  for (const size of sizes) {
    const world = worldOf(size);
    const times = await pairs(
      PAIRS,
      () => timed(() => gather(world)),
      () => timed(() => gather(small)),
    );
    world.end();
    taken.push([size, times.ours]);
    const count = size.toLocaleString('en-US');
    lines.push(
      limitGoal(
        'G10',
        `status, ${count} events, 2 targets (beside 10 ms)`,
        { ours: times.ours, baseline: 10, ratio: times.ours / 10 },
        { unit: 'ms', atMost: 1 },
      ),
      limitGoal('G10', `status at ${count} beside 1,000`, times, { unit: 'ms', atMost: 2 }),
    );
  }
  small.end();
  const [usual, most] = taken;
  if (usual !== undefined && most !== undefined)
    lines.push(growth('G10', 'status', [usual, most], 2));
  return lines;
}

function worldOf(events: number): World {
  const world = createWorld();
  fill(world, 0, events);
  pointAt(world, 'http://127.0.0.1:9/');
  pointAt(world, 'http://localhost:9/');
  return world;
}

function gather(world: World): void {
  gatherProject(world.home, {
    projectId: world.project.id,
    db: world.db,
    streams: [eventsStream],
    here: null,
  });
}
