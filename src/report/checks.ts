import path from 'node:path';
import { EXIT, quoted, type ExitCode } from '../base/index.ts';
import { putAsideCommand } from '../legacy/index.ts';
import {
  type AtStream,
  foundAt,
  isPermitted,
  routesOf,
  sendTo,
  streamsOf,
  urlOf,
} from './at-route.ts';
import { isSettled } from './conservation.ts';
import { BOUNDARY_CHECKS, checkBoundary, UPGRADE } from './boundary-checks.ts';
import type { BoundaryFacts } from './boundary.ts';
import {
  found,
  judgeChecks,
  runChecks,
  type Check,
  type Finding,
  type Found,
  type Judged,
  type Severity,
} from './finding.ts';
import type { HomeStatus, KnownProject } from './home-status.ts';

/** The checks of stores, books and what waits; those of the boundary have a table of their own. */
const CHECKS: readonly Check<HomeStatus>[] = [
  {
    code: 'store_damaged',
    severity: 'integrity',
    needs: 'files',
    find: ({ unknown }) =>
      unknown
        .filter(({ isDamaged }) => isDamaged)
        .map(({ projectId, error }) => found(`the store of ${projectId}: ${error}`, VERIFY)),
  },
  {
    code: 'books_unbalanced',
    severity: 'integrity',
    needs: 'stores',
    find: ({ projects }) =>
      streamsOf(projects)
        .filter(({ stream }) => !stream.books.balanced)
        .map(({ route, stream }) =>
          found(`the ${stream.facts.stream} of ${urlOf(route)} do not balance`, VERIFY),
        ),
  },
  {
    code: 'store_unreadable',
    severity: 'unknown',
    needs: 'files',
    find: ({ unknown }) =>
      unknown
        .filter(({ isDamaged }) => !isDamaged)
        .map(({ projectId, error, code, remedy }) =>
          found(
            `the store of ${projectId} cannot be read: ${error}`,
            code === 'store_newer' ? UPGRADE : (remedy ?? VERIFY),
          ),
        ),
  },
  {
    code: 'mode_unknown',
    severity: 'unknown',
    needs: 'stores',
    find: ({ projects }) =>
      projects
        .filter(({ mode }) => mode === null)
        .map((project) => {
          const detail = `the mode of ${project.status.projectId} is unknown, so nothing is sent`;
          return foundAt(project, detail, 'spec-kitty sync mode LOCAL_RETENTION');
        }),
  },
  {
    code: 'beside_store',
    severity: 'waiting',
    needs: 'stores',
    find: ({ projects }) => projects.flatMap(besideStore),
  },
  {
    code: 'new_lines',
    severity: 'waiting',
    needs: 'stores',
    find: ({ projects }) => projects.flatMap(unread),
  },
  {
    code: 'route_blocked',
    severity: 'waiting',
    needs: 'stores',
    find: ({ projects }) =>
      routesOf(projects).flatMap(({ project, route }) => {
        const { blocked, grantedAt } = route.route;
        if (grantedAt === null || blocked === null) return [];
        const detail = `${urlOf(route)} is blocked: ${blocked.reason}`;
        return [foundAt(project, detail, blocked.remedy ?? sendTo(project, route))];
      }),
  },
  {
    code: 'not_delivered',
    severity: 'waiting',
    needs: 'stores',
    find: ({ projects }) =>
      streamsOf(projects)
        .filter(
          ({ route, stream: { books, isTaken } }) =>
            route.route.grantedAt !== null && isTaken && books.balanced && !isSettled(books),
        )
        .map(({ project, route, stream: { facts, books } }) => {
          const waiting = books.unopened + books.queued;
          if (waiting === 0) {
            const detail = `${books.parked} of the ${facts.stream} are parked at ${urlOf(route)}`;
            return foundAt(project, detail, PARKED);
          }
          const parked = books.parked === 0 ? '' : `, ${books.parked} parked`;
          const detail = `${waiting} of the ${facts.stream} wait for ${urlOf(route)}${parked}`;
          return foundAt(project, detail, sendTo(project, route));
        }),
  },
  {
    code: 'queue_filling',
    severity: 'waiting',
    needs: 'stores',
    find: ({ projects, maxQueueSize }) =>
      streamsOf(projects)
        .filter(({ project, route }) => route === project.current && isPermitted(route))
        .flatMap((at) => filling(at, maxQueueSize)),
  },
  {
    code: 'replay_waits',
    severity: 'waiting',
    needs: 'stores',
    find: ({ projects }) =>
      streamsOf(projects)
        .filter(({ route, stream }) => route.route.grantedAt !== null && stream.replaying > 0)
        .map(({ project, route, stream }) =>
          foundAt(
            project,
            `${stream.replaying} of a replay of ${stream.facts.stream} wait for ${urlOf(route)}`,
            sendTo(project, route),
          ),
        ),
  },
  {
    code: 'bodies_never_indexed',
    severity: 'waiting',
    needs: 'stores',
    find: ({ projects }) =>
      streamsOf(projects)
        .filter(({ stream }) => (stream.facts.queue?.neverIndexed ?? 0) > 0)
        .map(({ route, stream: { facts } }) =>
          found(
            `${urlOf(route)} has known nothing of ${facts.queue?.neverIndexed ?? 0} announced bodies for more than a day`,
            GIVE_UP,
          ),
        ),
  },
  {
    code: 'daemon_silent',
    severity: 'waiting',
    needs: 'machine',
    find: ({ boundary: { owner } }) =>
      owner.program === 'ours' && owner.status === 'stale'
        ? [found(`the daemon has stopped: ${owner.detail ?? ''}`, START)]
        : [],
  },
  {
    code: 'stray_daemons',
    severity: 'boundary',
    needs: 'files',
    find: ({ strays }) =>
      strays === null || strays.length === 0
        ? []
        : [
            found(
              `${strays.length} live run_sync_daemon process(es) detected outside the registered singleton`,
              `kill ${strays.map(({ pid }) => pid).join(' ')}`,
            ),
          ],
  },
];

/**
 * The code of every check there is: the self-test must have a fault for each.
 * @internal
 */
export const CHECK_CODES: readonly string[] = [...CHECKS, ...BOUNDARY_CHECKS].map(
  ({ code }) => code,
);

const START = 'spec-kitty daemon start';
const VERIFY = 'spec-kitty sync verify --repair';
const PARKED = 'spec-kitty sync parked retry --all';
const DECIDE = 'spec-kitty sync migrate --resolve keep-journal --all';
const IMPORT = 'spec-kitty sync import';
const GIVE_UP = 'spec-kitty sync parked drop --waiting --code index_entry_not_found --yes';

/** Every finding, the worst first. */
export function check(status: HomeStatus): readonly Finding[] {
  const findings = [...runChecks(CHECKS, status), ...checkBoundary(status)];
  return findings.sort((a, b) => RANKS.indexOf(a.severity) - RANKS.indexOf(b.severity));
}

/** How every check ended: what could not be asked is unknown. */
export function judge(status: HomeStatus): readonly Judged[] {
  const silent = new Set<Check<HomeStatus>['needs']>();
  if (status.unknown.length > 0) silent.add('stores');
  if (status.boundary.machineError !== null) silent.add('machine');
  return [
    ...judgeChecks(CHECKS, status, silent),
    ...judgeChecks<BoundaryFacts>(BOUNDARY_CHECKS, status, silent),
  ];
}

/**
 * How a command ends that only looks: 3 for what contradicts itself, 1 for what is unknown; when it was asked to
 * judge as well, 2 for a boundary that refuses and 1 for what waits.
 */
export function exitOf(findings: readonly Finding[], judges: boolean): ExitCode {
  const [worst] = findings;
  if (worst === undefined) return EXIT.fine;
  if (worst.severity === 'integrity') return EXIT.integrity;
  if (!judges) return worst.severity === 'unknown' ? EXIT.failed : EXIT.fine;
  return findings.some(({ severity }) => severity === 'boundary') ? EXIT.refused : EXIT.failed;
}

const RANKS: readonly Severity[] = ['integrity', 'unknown', 'boundary', 'waiting'];

const WARN_PERCENT = 80;
const FULL_PERCENT = 100;

/** Events are bounded by the disk, so their number is only warned of; texts have no more places than these. */
function filling(at: AtStream, most: number): readonly Found[] {
  const { facts, books, isTaken } = at.stream;
  if (facts.stream === 'snapshots' || !isTaken) return [];
  const waiting = books.unopened + books.queued;
  const percent = Math.floor((100 * waiting) / most);
  if (percent < WARN_PERCENT) return [];
  const then =
    facts.stream === 'events'
      ? 'none is ever dropped'
      : 'further texts are kept when these are sent';
  const word = percent >= FULL_PERCENT ? `is full, and ${then}` : 'fills up';
  const detail = `${waiting} of ${most} ${facts.stream} wait (${percent}%), so the queue ${word}`;
  return [foundAt(at.project, detail, sendTo(at.project, at.route))];
}

function besideStore({ status: { spill, legacy } }: KnownProject): readonly Found[] {
  const lines = legacy.unreadable.map((file) =>
    found(`${file} cannot be read to its end`, putAsideCommand(file)),
  );
  if (legacy.conflicts.length > 0) {
    lines.push(
      found(`${legacy.conflicts.length} event(s) of old queues contradict the journal`, DECIDE),
    );
  }
  if (spill.files > 0) lines.push(found(`${spill.events} event(s) wait beside the store`, IMPORT));
  if (spill.corrupt > 0)
    lines.push(found(`${spill.corrupt} torn file(s) lie beside the store`, VERIFY));
  return lines;
}

function unread({ root, status: { pending } }: KnownProject): readonly Found[] {
  if (pending === null) return [];
  const lines = pending.skipped.map(({ path: below, reason }) =>
    found(`${below} is not read: ${reason}`, hideCommand(path.join(root ?? '.', below))),
  );
  if (pending.lines > 0) lines.push(found(`${pending.lines} new line(s) wait`, IMPORT));
  if (pending.badLines > 0) lines.push(found(`${pending.badLines} bad line(s)`, IMPORT));
  return lines;
}

/** What cannot be read is set aside under a name that nobody looks at. */
function hideCommand(file: string): string {
  return `mv ${quoted(file)} ${quoted(path.join(path.dirname(file), `.${path.basename(file)}`))}`;
}
