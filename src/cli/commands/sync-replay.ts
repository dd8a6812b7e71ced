import {
  eventsStream,
  findDestination,
  openReplay,
  planReplay,
  redeliver,
  type Route,
} from '../../delivery/index.ts';
import { fine, type Answer } from '../answer.ts';
import { refuseAtBoundary } from '../boundary/refusing.ts';
import { misused, readFilter } from '../history/filters.ts';
import { flagOption, textOption, type Context } from '../io.ts';
import { permittedRoutes } from '../permission.ts';
import { openWorkspace, STREAMS, type Workspace } from '../workspace.ts';
import { run as deliver } from './sync-now.ts';

const COMMAND = 'sync replay';
const FILTERS = ['mission', 'type', 'since', 'until'] as const;

/**
 * `spec-kitty sync replay`: sends a target once more what it has, as a pass beside the one that counts, or with
 * `--redeliver` instead of it; then what `sync now --target` does.
 */
export async function run(context: Context): Promise<Answer> {
  const { options } = context;
  const isAgain = flagOption(options, 'redeliver');
  const filter = readFilter(context, COMMAND);
  if (isAgain && FILTERS.some((name) => textOption(options, name) !== null)) {
    throw misused('--redeliver sends everything; it takes no filter', COMMAND);
  }
  if (textOption(options, 'target') === null) throw misused('name a target', COMMAND);
  const workspace = await openWorkspace(context);
  const route = await permittedRoute(context, workspace);
  const { db, now } = workspace;
  const plan = planReplay(db, route.id, eventsStream, filter);
  const isRehearsal = flagOption(options, 'dryRun');
  const said = {
    target_id: route.target.publicId,
    canonical_url: route.target.canonicalUrl,
    redeliver: isAgain,
    dry_run: isRehearsal,
    events: plan.items,
    bytes: plan.bytes,
    oldest_at: plan.oldestAt === null ? null : new Date(plan.oldestAt).toISOString(),
    without_payload: plan.dropped,
    superseded: plan.superseded,
  };
  const lines = planLines(said);
  if (isRehearsal) return fine({ replay: said }, lines);
  const refused = await refuseAtBoundary(context, {
    command: COMMAND,
    projectId: workspace.project.id,
  });
  if (refused !== null) return refused;
  if (isAgain) redeliver(db, { routeId: route.id, streams: STREAMS, now });
  else openReplay(db, { routeId: route.id, stream: eventsStream, filter, now });
  const delivered = await deliver(context);
  return {
    exit: delivered.exit,
    json: { replay: said, ...delivered.json },
    lines: [...lines, ...delivered.lines],
  };
}

async function permittedRoute(context: Context, workspace: Workspace): Promise<Route> {
  const destination = await findDestination(context.home, workspace.db, {
    processWideOverride: true,
  });
  const [route] = (await permittedRoutes(context, workspace, destination)) ?? [];
  if (route === undefined) throw misused('name a target', COMMAND);
  return route;
}

function planLines(said: {
  readonly canonical_url: string;
  readonly redeliver: boolean;
  readonly dry_run: boolean;
  readonly events: number;
  readonly bytes: number;
  readonly oldest_at: string | null;
  readonly without_payload: number;
  readonly superseded: number;
}): readonly string[] {
  const will = said.dry_run ? 'would be sent' : 'are sent';
  const since = said.oldest_at === null ? '' : `, recorded since ${said.oldest_at}`;
  return [
    `${said.events} event(s) (${said.bytes} bytes${since}) ${will} to ${said.canonical_url} again.`,
    ...(said.redeliver ? ['  What it has counts as not delivered until it answers again.'] : []),
    ...(said.without_payload === 0
      ? []
      : [`  ${said.without_payload} more have no payload any more and are skipped.`]),
    ...(said.superseded === 0
      ? []
      : [`  ${said.superseded} more are left out: a newer event stands for them.`]),
  ];
}
