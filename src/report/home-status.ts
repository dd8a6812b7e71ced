import {
  IntegrityError,
  isDamaged,
  isSystemError,
  sqliteCode,
  UserError,
  type Db,
  type Millis,
  type UserErrorCode,
} from '../base/index.ts';
import { strayUpstreams, type StrayProcess } from '../daemon/index.ts';
import { findDestination, type Destination, type Stream } from '../delivery/index.ts';
import {
  currentSyncTarget,
  findCheckout,
  markedProjects,
  type Home,
  type Project,
  type ResolvedSyncTarget,
} from '../home/index.ts';
import {
  checkHead,
  checkLineage,
  describeBroken,
  findMissing,
  type Broken,
} from '../journal/index.ts';
import { readLegacy, waitingRowsOf, type LegacyView } from '../legacy/index.ts';
import { gatherBoundary, loginFacts, type BoundaryFacts } from './boundary.ts';
import { gatherProject, type ProjectStatus, type RouteStatus } from './facts.ts';
import { readStore } from './reading.ts';

/** A store that could not be read: nothing is known of it, which is a failing state. */
export interface UnknownProject {
  readonly projectId: string;
  readonly slug: string | null;
  readonly error: string;
  /** Our own code for it, where there is one. */
  readonly code: UserErrorCode | null;
  readonly remedy: string | null;
  /** The store opened and contradicts itself. */
  readonly isDamaged: boolean;
}

/** A store that was read. */
export interface KnownProject {
  readonly status: ProjectStatus;
  readonly slug: string | null;
  /** Whether the question was asked in this project. */
  readonly isHere: boolean;
  /** Where it was seen last; null when nobody knows. */
  readonly root: string | null;
  /** Why only a copy could be read; null when the store itself answered. */
  readonly copied: string | null;
  readonly mode: Destination['mode'];
  readonly modeSource: Destination['source'];
  /** The route to the project's active target; null before one is named. */
  readonly current: RouteStatus | null;
}

/** Everything that is known of this home: the machine, the boundary, and each project. */
export interface HomeStatus extends BoundaryFacts {
  readonly root: string;
  readonly configFile: string;
  readonly saasEnabled: boolean;
  /** `[sync].max_queue_size`. */
  readonly maxQueueSize: number;
  /** The project the question was asked in comes first. */
  readonly projects: readonly KnownProject[];
  readonly unknown: readonly UnknownProject[];
  /** What the earlier program left, of all projects. */
  readonly legacy: LegacyView;
  /** Daemons of the earlier program that no record names; null where nobody looked. */
  readonly strays: readonly StrayProcess[] | null;
  readonly readAt: Millis;
}

export interface HomeQuestion {
  /** The project the question is asked in; null outside of one. */
  readonly here: Project | null;
  /** Leave out every other project. */
  readonly onlyHere: boolean;
  readonly streams: readonly Stream[];
  /** Compare counters with rows, which takes a look at each delivery. */
  readonly recount: boolean;
}

/**
 * Gathers the state of the home in one pass that changes no fact, opens no socket, and takes a store that does not
 * answer for unknown.
 * @throws UserError `config_corrupt`, `session_unreadable`.
 */
export async function gatherHome(home: Home, question: HomeQuestion): Promise<HomeStatus> {
  const legacy = readLegacy(home);
  const projects: KnownProject[] = [];
  const unknown: UnknownProject[] = [];
  let authority: ResolvedSyncTarget | null = null;
  for (const { projectId, slug, root } of projectsOf(home, question)) {
    const isHere = projectId === question.here?.id;
    const reading = await readStore(home, projectId, (db) =>
      readProject(home, db, { projectId, question, isHere, legacy }),
    );
    if (reading.kind === 'unknown') {
      const { kind: _, reason, ...why } = reading;
      unknown.push({ projectId, slug, error: reason, ...why });
      continue;
    }
    const { status, destination } = reading.value;
    if (isHere) authority = destination.authority;
    projects.push({
      status,
      slug,
      root,
      isHere,
      copied: reading.copied,
      mode: destination.mode,
      modeSource: destination.source,
      current: status.routes.find(({ route }) => route.id === destination.route?.id) ?? null,
    });
  }
  authority ??= await currentSyncTarget(home, { processWideOverride: true });
  const machine = await machineStatus(home, authority, projects);
  const strays = question.recount ? strayUpstreams(home, machine.boundary.upstream) : null;
  return { ...machine, ...storeFacts(projects, unknown), projects, unknown, legacy, strays };
}

async function machineStatus(
  home: Home,
  authority: ResolvedSyncTarget,
  projects: readonly KnownProject[],
): Promise<
  Omit<HomeStatus, 'projects' | 'unknown' | 'legacy' | 'strays' | 'legacyRows' | 'newerStores'>
> {
  const { saasEnabled, maxQueueSize } = await home.config();
  const server = authority.resolvedServerUrl;
  const sendsThere = projects.some(({ mode }) => mode === 'TEAMSPACE') || projects.length === 0;
  return {
    root: home.paths.root,
    configFile: home.paths.config,
    saasEnabled: saasEnabled.value,
    maxQueueSize: maxQueueSize.value,
    authority,
    ...loginFacts(home, server),
    needsLogin: saasEnabled.value && server !== null && sendsThere,
    boundary: await gatherBoundary(home),
    readAt: home.system.clock.now(),
  };
}

/** What the boundary asks of the stores. */
function storeFacts(
  projects: readonly KnownProject[],
  unknown: readonly UnknownProject[],
): Pick<BoundaryFacts, 'legacyRows' | 'newerStores'> {
  return {
    legacyRows: projects.map(({ status: { projectId, legacy } }) =>
      waitingRowsOf(projectId, legacy),
    ),
    newerStores: unknown.filter(({ code }) => code === 'store_newer').map(({ error }) => error),
  };
}

interface NamedProject {
  readonly projectId: Project['id'];
  readonly slug: string | null;
  readonly root: string | null;
}

/** The projects with a store, the one at hand first, whether it has one yet or not. */
function projectsOf(home: Home, { here, onlyHere }: HomeQuestion): readonly NamedProject[] {
  const first = here === null ? [] : [{ projectId: here.id, slug: here.slug, root: here.root }];
  if (onlyHere) return first;
  const known = new Set([...home.projectIds(), ...ofMachine(() => markedProjects(home), [])]);
  const others = [...known].filter((id) => id !== here?.id).sort();
  return [
    ...first,
    ...others.map((projectId) => ({ projectId, ...whatIsKnownOf(home, projectId) })),
  ];
}

/** A name is a convenience: a machine file that cannot be read says nothing of the project's own store. */
function whatIsKnownOf(home: Home, projectId: Project['id']): Pick<NamedProject, 'slug' | 'root'> {
  const sql = 'SELECT slug, root FROM projects WHERE project_id = :projectId';
  const nothing = { slug: null, root: null };
  return ofMachine(
    () => home.machine().get<Pick<NamedProject, 'slug' | 'root'>>(sql, { projectId }) ?? nothing,
    nothing,
  );
}

function brokenJournal(home: Home, projectId: Project['id'], db: Db): Broken | null {
  return ofMachine(() => checkLineage(home, projectId, () => db), null);
}

/** Every event that was counted is there, with its payload or a permit. */
function requireComplete(db: Db): void {
  const [missing] = findMissing(db);
  if (missing !== undefined) {
    throw new IntegrityError(`${missing.reason} at position ${missing.seq} of the journal`);
  }
  const { kept, counted } = checkHead(db);
  if (kept.captured === counted.captured && kept.ineligible === counted.ineligible) return;
  throw new IntegrityError(
    `the journal counts ${kept.captured} events and holds ${counted.captured}`,
  );
}

/** What the machine's file says, or `otherwise` where it cannot be read. */
function ofMachine<T>(ask: () => T, otherwise: T): T {
  try {
    return ask();
  } catch (error) {
    // Out of reach is one thing; damaged is a finding, and what mends it is known.
    if (isDamaged(error)) throw error;
    if (error instanceof UserError || isSystemError(error) || sqliteCode(error) !== '') {
      return otherwise;
    }
    throw error;
  }
}

async function readProject(
  home: Home,
  db: Db,
  options: {
    readonly projectId: Project['id'];
    readonly question: HomeQuestion;
    readonly isHere: boolean;
    readonly legacy: LegacyView;
  },
): Promise<{ readonly status: ProjectStatus; readonly destination: Destination }> {
  const { projectId, question, isHere, legacy } = options;
  const broken = brokenJournal(home, projectId, db);
  if (broken !== null) throw new IntegrityError(describeBroken(broken));
  if (question.recount) requireComplete(db);
  const destination = await findDestination(home, db, { processWideOverride: true });
  const { here, streams, recount } = question;
  const project = isHere ? here : null;
  const status = gatherProject(home, {
    projectId,
    db,
    streams,
    recount,
    legacy,
    here: project === null ? null : { project, checkoutId: findCheckout(db, project.checkoutPath) },
  });
  return { status, destination };
}
