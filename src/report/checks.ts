import { EXIT, type ExitCode } from '../base/index.ts';
import { putAsideCommand } from '../legacy/index.ts';
import { isSettled } from './conservation.ts';
import type { RouteStatus } from './facts.ts';
import type { HomeStatus, KnownProject } from './home-status.ts';

/**
 * How bad a finding is: the books or a store contradict themselves; something is not known; two programs or
 * accounts disagree, so that nothing may be sent; something still waits.
 */
export type Severity = 'integrity' | 'unknown' | 'boundary' | 'waiting';

/** One result of one check. */
export interface Finding {
  readonly code: string;
  readonly severity: Severity;
  readonly detail: string;
  /** A command that mends it, or null. */
  readonly remedy: string | null;
}

/** Looks at gathered facts and nothing else. */
interface Check {
  readonly code: string;
  readonly severity: Severity;
  readonly find: (status: HomeStatus) => readonly Pick<Finding, 'detail' | 'remedy'>[];
}

/** Every check there is; what one command refuses the others show, because all of them read this table. */
const CHECKS: readonly Check[] = [
  {
    code: 'store_damaged',
    severity: 'integrity',
    find: ({ unknown }) =>
      unknown
        .filter(({ isDamaged }) => isDamaged)
        .map(({ projectId, error }) => found(`the store of ${projectId}: ${error}`, VERIFY)),
  },
  {
    code: 'books_unbalanced',
    severity: 'integrity',
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
    find: ({ unknown }) =>
      unknown
        .filter(({ isDamaged }) => !isDamaged)
        .map(({ projectId, error }) => found(`the store of ${projectId} cannot be read: ${error}`)),
  },
  {
    code: 'mode_unknown',
    severity: 'unknown',
    find: ({ projects }) =>
      projects
        .filter(({ mode }) => mode === null)
        .map(({ status, isHere }) =>
          found(
            `the mode of ${status.projectId} is unknown, so nothing is sent`,
            isHere ? 'spec-kitty sync mode LOCAL_RETENTION' : null,
          ),
        ),
  },
  {
    code: 'owner_mismatch',
    severity: 'boundary',
    find: ({ boundary: { mismatches } }) =>
      mismatches.length === 0
        ? []
        : [
            found(
              `foreground/daemon disagree on D-3 field(s): ${mismatches.map(shortName).join(', ')}`,
            ),
          ],
  },
  {
    code: 'orphan_owner',
    severity: 'boundary',
    find: ({ boundary: { owner } }) =>
      owner.status === 'orphan'
        ? [found(`1 orphan daemon record(s) detected: ${owner.detail ?? ''}`, removal(owner.path))]
        : [],
  },
  {
    code: 'owner_unreadable',
    severity: 'boundary',
    find: ({ boundary: { owner } }) =>
      owner.status === 'unreadable'
        ? [found(`${owner.path} cannot be judged: ${owner.detail ?? ''}`, removal(owner.path))]
        : [],
  },
  {
    code: 'legacy_rows',
    severity: 'boundary',
    find: ({ projects }) =>
      projects
        .filter(({ status }) => status.legacy.rows > 0)
        .map(({ status }) =>
          found(
            `${status.legacy.rows} row(s) of ${status.projectId} wait in old queue databases`,
            MIGRATE,
          ),
        ),
  },
  {
    code: 'auth_absent',
    severity: 'boundary',
    find: ({ needsLogin, isLoggedIn, authority }) =>
      needsLogin && !isLoggedIn
        ? [
            found(
              `nobody is logged in at ${authority.resolvedServerUrl ?? ''}`,
              `spec-kitty auth login --server ${authority.resolvedServerUrl ?? ''} --token-stdin`,
            ),
          ]
        : [],
  },
  {
    code: 'beside_store',
    severity: 'waiting',
    find: ({ projects }) => projects.flatMap(besideStore),
  },
  {
    code: 'new_lines',
    severity: 'waiting',
    find: ({ projects }) => projects.flatMap(unread),
  },
  {
    code: 'route_blocked',
    severity: 'waiting',
    find: ({ projects }) =>
      granted(projects).flatMap(({ route }) =>
        route.blocked === null
          ? []
          : [found(`${route.target.canonicalUrl} is blocked: ${route.blocked.reason}`, NOW)],
      ),
  },
  {
    code: 'not_delivered',
    severity: 'waiting',
    find: ({ projects }) =>
      streamsOf(projects)
        .filter(
          ({ route, stream: { books, isTaken } }) =>
            route.route.grantedAt !== null && isTaken && books.balanced && !isSettled(books),
        )
        .map(({ route, stream: { facts, books } }) => {
          const waiting = books.unopened + books.queued;
          const parked = books.parked === 0 ? '' : `, ${books.parked} parked`;
          return found(`${waiting} of the ${facts.stream} wait for ${urlOf(route)}${parked}`, NOW);
        }),
  },
  {
    code: 'bodies_never_indexed',
    severity: 'waiting',
    find: ({ projects }) =>
      streamsOf(projects)
        .filter(({ stream }) => (stream.facts.queue?.neverIndexed ?? 0) > 0)
        .map(({ route, stream: { facts } }) =>
          found(
            `${urlOf(route)} has known nothing of ${facts.queue?.neverIndexed ?? 0} announced bodies for more than a day`,
          ),
        ),
  },
];

const VERIFY = 'spec-kitty sync verify --repair';
const NOW = 'spec-kitty sync now';
const MIGRATE = 'spec-kitty sync migrate';
const DECIDE = 'spec-kitty sync migrate --resolve keep-journal --all';
const IMPORT = 'spec-kitty sync import';

/** Every finding, the worst first. */
export function check(status: HomeStatus): readonly Finding[] {
  const findings = CHECKS.flatMap(({ code, severity, find }) =>
    find(status).map((each) => ({ code, severity, ...each })),
  );
  return findings.sort((a, b) => RANKS.indexOf(a.severity) - RANKS.indexOf(b.severity));
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

function found(detail: string, remedy: string | null = null): Pick<Finding, 'detail' | 'remedy'> {
  return { detail, remedy };
}

function granted(projects: readonly KnownProject[]): readonly RouteStatus[] {
  return projects.flatMap(({ status }) =>
    status.routes.filter(({ route }) => route.grantedAt !== null),
  );
}

function streamsOf(
  projects: readonly KnownProject[],
): readonly { readonly route: RouteStatus; readonly stream: RouteStatus['streams'][number] }[] {
  return projects.flatMap(({ status }) =>
    status.routes.flatMap((route) => route.streams.map((stream) => ({ route, stream }))),
  );
}

function besideStore({
  status: { spill, legacy },
}: KnownProject): readonly Pick<Finding, 'detail' | 'remedy'>[] {
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

function unread({
  status: { pending },
}: KnownProject): readonly Pick<Finding, 'detail' | 'remedy'>[] {
  if (pending === null) return [];
  const lines = pending.skipped.map(({ path, reason }) => found(`${path} is not read: ${reason}`));
  if (pending.lines > 0) lines.push(found(`${pending.lines} new line(s) wait`, IMPORT));
  if (pending.badLines > 0) lines.push(found(`${pending.badLines} bad line(s)`, IMPORT));
  return lines;
}

function urlOf({ route }: RouteStatus): string {
  return route.target.canonicalUrl;
}

function shortName({ field }: { readonly field: string }): string {
  return field.replace(/^daemon_/, '');
}

function removal(file: string): string {
  return `rm '${file.replaceAll("'", String.raw`'\''`)}'`;
}
