import type { Db, Millis } from '../base/index.ts';
import {
  coversCheckout,
  countReplaying,
  drainOwner,
  isRetired,
  listParked,
  listRoutes,
  readRouteFacts,
  readWaiting,
  standingBlock,
  takesStream,
  type ParkedItem,
  type Route,
  type RouteFacts,
  type Stream,
  type Waiting,
} from '../delivery/index.ts';
import type { Home, Project } from '../home/index.ts';
import {
  countConflicts,
  readFacts,
  readSpillStatus,
  type JournalFacts,
  type SpillStatus,
} from '../journal/index.ts';
import { legacyRowsOf, readLegacy, type LegacyRows, type LegacyView } from '../legacy/index.ts';
import { pendingLines, type PendingLines } from '../missions/index.ts';
import type { ProjectId } from '../wire/index.ts';
import { readRetention, type RetentionFacts } from './upkeep/plan.ts';
import { balance, type Books } from './conservation.ts';

/** One route with its books. */
export interface RouteStatus {
  readonly route: Route;
  /** Whether the grant covers the checkout the question was asked in; null outside of a checkout. */
  readonly coversHere: boolean | null;
  /** Process that delivers right now, or null. */
  readonly drainedBy: number | null;
  readonly streams: readonly StreamStatus[];
}

/** One stream of a route. */
export interface StreamStatus {
  readonly facts: RouteFacts;
  readonly books: Books;
  readonly waiting: Waiting;
  /** False where the target takes no items of this stream, as far as it said: they are kept here. */
  readonly isTaken: boolean;
  /** Items that open replays have still to send; a part that is not opened yet counts as one. */
  readonly replaying: number;
}

/** Everything status needs to know of one project, gathered on one snapshot. */
export interface ProjectStatus {
  readonly projectId: ProjectId;
  readonly storePath: string;
  readonly journal: JournalFacts;
  readonly conflicts: number;
  readonly routes: readonly RouteStatus[];
  /** New lines of this checkout; null when asked from outside of it. */
  readonly pending: PendingLines | null;
  /** What was captured and could not be written into the store yet. */
  readonly spill: SpillStatus;
  /** What the Python command line left waiting in its own databases. */
  readonly legacy: LegacyRows;
  /** Payloads that left, and whether more should. */
  readonly retention: RetentionFacts;
  /** The first parked items of any target, at most 20 a stream; the books have their number. */
  readonly parked: readonly ParkedItem[];
  readonly readAt: Millis;
}

/** The checkout a question is asked in. */
export interface Here {
  readonly project: Project;
  readonly checkoutId: number | null;
}

const LISTED = 20;

/** Gathers the facts of one project: counters and index positions on one snapshot, files by stats. */
export function gatherProject(
  home: Home,
  options: {
    readonly projectId: ProjectId;
    readonly db: Db;
    readonly streams: readonly Stream[];
    readonly here: Here | null;
    /** Compare the ledger's counters with its rows, which takes a look at each. */
    readonly recount?: boolean;
    /** What the earlier program left, where the caller has read it already. */
    readonly legacy?: LegacyView;
  },
): ProjectStatus {
  const { db, projectId, here } = options;
  const { clock, files } = home.system;
  return db.snapshot(() => {
    const journal = readFacts(db);
    const routes = listRoutes(db).map((route) => routeStatus(home, { ...options, route }));
    return {
      projectId,
      storePath: home.paths.projectStore(projectId),
      journal,
      conflicts: countConflicts(db),
      routes,
      retention: readRetention(db, eventsOfRegistered(db, routes)),
      pending: here === null ? null : pendingLines(db, here.checkoutId, here.project, files),
      spill: readSpillStatus(home, projectId),
      legacy: legacyRowsOf(db, projectId, options.legacy ?? readLegacy(home)),
      parked: firstParked(db, options.streams, routes),
      readAt: clock.now(),
    };
  });
}

function firstParked(
  db: Db,
  streams: readonly Stream[],
  routes: readonly RouteStatus[],
): readonly ParkedItem[] {
  const isAny = routes.some((route) => route.streams.some(({ books }) => books.parked > 0));
  return isAny ? streams.flatMap((stream) => listParked(db, stream, { limit: LISTED })) : [];
}

/** The stream of events of each target that still counts. */
function eventsOfRegistered(
  db: Db,
  routes: readonly RouteStatus[],
): readonly (RouteFacts | null)[] {
  return routes
    .filter(({ route }) => !isRetired(db, route.target.id))
    .map(({ streams }) => streams.find(({ facts }) => facts.stream === 'events')?.facts ?? null);
}

function routeStatus(
  home: Home,
  options: {
    readonly db: Db;
    readonly streams: readonly Stream[];
    readonly here: Here | null;
    /** Compare the ledger's counters with its rows, which takes a look at each. */
    readonly recount?: boolean;
    readonly route: Route;
  },
): RouteStatus {
  const { db, here, route, streams } = options;
  const checkoutId = here?.checkoutId ?? null;
  const known = streams
    .map((stream) => streamStatus(stream, { ...options, now: home.system.clock.now() }))
    .filter((each) => each !== null);
  return {
    route: { ...route, blocked: blockedNow(home, db, route, known) },
    coversHere:
      here === null ? null : checkoutId !== null && coversCheckout(db, route.id, checkoutId),
    drainedBy: drainOwner(db, home.system, route.id),
    streams: known,
  };
}

/** A gate that closed or opened since the last drain is seen as it stands now; without a permission none matters. */
function blockedNow(
  home: Home,
  db: Db,
  route: Route,
  streams: readonly StreamStatus[],
): Route['blocked'] {
  if (route.grantedAt === null) return route.blocked;
  const isWaiting = streams.some(
    ({ books, isTaken }) => isTaken && books.unopened + books.queued > 0,
  );
  return standingBlock(home, db, route, isWaiting);
}

/** Null before the first grant. */
function streamStatus(
  stream: Stream,
  options: {
    readonly db: Db;
    readonly route: Route;
    readonly recount?: boolean;
    readonly now: Millis;
  },
): StreamStatus | null {
  const { db, route, now, recount = false } = options;
  const facts = readRouteFacts(db, route.id, stream, { recount, now });
  if (facts === null) return null;
  const waiting = readWaiting(db, stream, { genId: facts.generation.id, now });
  const isTaken = takesStream(route.target, stream.name);
  const replaying = countReplaying(db, route.id, stream);
  return { facts, books: balance(stream.count(db), facts), waiting, isTaken, replaying };
}
