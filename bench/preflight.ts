import { claimLease, identifyProgram } from '../src/daemon/index.ts';
import { currentSyncTarget } from '../src/home/index.ts';
import { runPreflight } from '../src/report/index.ts';
import { limitGoal, pairs, timed, type Measured } from './measure.ts';
import { createWorld, fill, pointAt } from './world.ts';

const PAIRS = 51;
const EVENTS = 10_000;
const MOST_MS = 10;

/** G17: what a command that sends pays for asking at the boundary, with a daemon that agrees. */
export async function benchPreflight(): Promise<readonly Measured[]> {
  const world = createWorld();
  fill(world, 0, EVENTS);
  pointAt(world, 'http://127.0.0.1:9/');
  const { home, project } = world;
  const authority = await currentSyncTarget(home, { processWideOverride: true });
  claimLease(home, identifyProgram(home, authority), {});
  const ask = (): Promise<unknown> =>
    runPreflight(home, { projectId: project.id, requireAuth: false });
  const times = await pairs(
    PAIRS,
    () => timed(ask),
    () => timed(() => {}),
  );
  world.end();
  const beside = { ours: times.ours, baseline: MOST_MS, ratio: times.ours / MOST_MS };
  return [
    limitGoal('G17', 'preflight, coherent (beside 10 ms)', beside, { unit: 'ms', atMost: 1 }),
  ];
}
