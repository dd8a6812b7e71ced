import {
  errnoOf,
  isSystemError,
  messageOf,
  sqliteCode,
  UserError,
  type Millis,
  type UserErrorCode,
} from '../base/index.ts';
import {
  checkoutId,
  KEEP_EVERYTHING,
  type CaptureRules,
  type Home,
  type Project,
  type SpillMark,
} from '../home/index.ts';
import type { Fact } from './append.ts';
import { makeFacts, type Draft } from './draft.ts';
import { appendFacts, commit, requireOwn, type Receipt } from './capture.ts';
import { nodeIdOf, readHead, type Head } from './head.ts';
import { openJournal, type Journal } from './journal.ts';
import { addTallies, NOTHING_DISCARDED, tallyOptOut, type OptOutTally } from './policy.ts';
import { lastSpill, listSpill, readSpill, setAside, sweepSpill, writeSpill } from './spill.ts';

/** What became of a fact that is kept whatever the state of the store. `spilled`: beside it, taken in later. */
export type Kept = Omit<Receipt, 'status'> & { readonly status: Receipt['status'] | 'spilled' };

/** What taking in the spill of a project found. */
export interface TakenIn {
  readonly files: number;
  readonly events: number;
  /** Torn files, put aside. */
  readonly corrupt: number;
  /** What the mode OPT_OUT did with them. */
  readonly optOut: OptOutTally;
}

type Taken = { -readonly [Key in keyof TakenIn]: TakenIn[Key] };

/** One budget for opening, waiting and writing; what is not in the store by then goes beside it. */
const CAPTURE_BUDGET_MS = 250;

const STORE_FAILURES: ReadonlySet<UserErrorCode> = new Set([
  'busy',
  'driver_missing',
  'sqlite_too_old',
  'store_newer',
  'store_unreadable',
]);

/**
 * Records facts whatever the state of the store: in the journal when that can be done within 250 ms, together
 * with everything that was spilled before, otherwise in a spill file that the next command takes in. Facts keep
 * their order either way. Once it returns the exact bytes survive, or the mode OPT_OUT has dropped them and the
 * receipt says so. What is spilled is judged when it is taken in.
 * @param rules what the machine says of retention (`home.captureRules`); the default keeps everything.
 * @throws UserError `capture_failed` when they can be kept nowhere: then nothing of them is recorded.
 */
export function record(
  home: Home,
  project: Project,
  facts: readonly Fact[],
  rules: CaptureRules = KEEP_EVERYTHING,
): readonly Kept[] {
  return keep(home, project, rules, () => facts);
}

/**
 * Records events of our own making. Ids are minted before this call, so repeating it after a failure is safe;
 * node, Lamport clock and project are added here.
 * @throws UserError `envelope_invalid` (nothing is stored), `capture_failed`.
 */
export function emit(
  home: Home,
  project: Project,
  drafts: readonly Draft[],
  rules: CaptureRules = KEEP_EVERYTHING,
): readonly Kept[] {
  return keep(home, project, rules, (head) => makeFacts(drafts, project.id, head));
}

function nothingTaken(): Taken {
  return { files: 0, events: 0, corrupt: 0, optOut: NOTHING_DISCARDED };
}

/** Takes in everything that was spilled, oldest first. @throws UserError `busy` and other failures of the store. */
export function takeIn(home: Home, journal: Journal): TakenIn {
  const taken = nothingTaken();
  const files = commit(journal, () => ingest(home, journal, taken, Number.POSITIVE_INFINITY).taken);
  removeAll(home, files);
  sweepSpill(home, journal.projectId);
  return taken;
}

type MakeFacts = (head: Head) => readonly Fact[];

function keep(home: Home, project: Project, rules: CaptureRules, make: MakeFacts): readonly Kept[] {
  const { clock } = home.system;
  const deadline = clock.monotonic() + CAPTURE_BUDGET_MS;
  let head: Head | null = null;
  try {
    const journal = openJournal(home, project, { waitMs: CAPTURE_BUDGET_MS, rules });
    head = readHead(journal.db, home.system.host);
    journal.db.waitAtMost(Math.max(deadline - clock.monotonic(), 0));
    const receipts = store(home, journal, make, deadline);
    if (receipts !== null) return receipts;
  } catch (error) {
    if (!isStoreFailure(error)) throw error;
    home.log.error('capture.spilled', { reason: messageOf(error) });
    // A connection that failed may be in any state; one that was kept waiting is as good as before.
    if (!isLocked(error)) home.forgetStore(project.id);
  }
  return spill(home, project, (last) => make(spillHead(home, head, last)));
}

/** The journal's way; null when what was spilled before could not all be taken in within the budget. */
function store(
  home: Home,
  journal: Journal,
  make: MakeFacts,
  deadline: Millis,
): readonly Receipt[] | null {
  const taken = nothingTaken();
  const done = commit(journal, () => {
    const ingested = ingest(home, journal, taken, deadline);
    if (!ingested.isComplete) return { files: ingested.taken, receipts: null };
    const head = readHead(journal.db, home.system.host);
    return { files: ingested.taken, receipts: appendFacts(journal, make(head)) };
  });
  removeAll(home, done.files);
  return done.receipts;
}

/**
 * Appends spill files in order of their names until `deadline`; they are removed after the commit. One that cannot
 * be read now stays where it is and holds nobody back.
 */
function ingest(
  home: Home,
  journal: Journal,
  taken: Taken,
  deadline: Millis,
): { readonly taken: readonly string[]; readonly isComplete: boolean } {
  const { files, clock, faults } = home.system;
  const done: string[] = [];
  let isComplete = true;
  for (const file of listSpill(home, journal.projectId)) {
    if (clock.monotonic() > deadline) return { taken: done, isComplete: false };
    const spilled = readSpill(files, file, journal.projectId);
    if (spilled === 'absent') continue;
    if (spilled === 'unreadable') {
      isComplete = false;
      home.log.error('spill.unreadable', { file });
      continue;
    }
    if (spilled === null) {
      setAside(files, file);
      taken.corrupt += 1;
      home.log.error('spill.corrupt', { file });
      continue;
    }
    const { capturedAt } = spilled;
    const origin = {
      checkoutId: checkoutId(journal.db, spilled.checkoutPath, capturedAt),
      capturedAt,
    };
    const receipts = appendFacts(journal, spilled.facts, origin);
    taken.events += receipts.length;
    taken.optOut = addTallies(taken.optOut, tallyOptOut(receipts));
    taken.files += 1;
    done.push(file);
    faults.at('spill.ingest');
  }
  return { taken: done, isComplete };
}

/**
 * A file that stays, because the process dies here or it cannot be removed, is recognised by its ids and removed
 * by the next command.
 */
function removeAll(home: Home, taken: readonly string[]): void {
  const { faults, files } = home.system;
  for (const file of taken) {
    faults.at('spill.remove');
    try {
      files.remove(file);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      home.log.error('spill.left', { file, reason: messageOf(error) });
    }
  }
}

function spill(
  home: Home,
  project: Project,
  make: (last: SpillMark) => readonly Fact[],
): readonly Kept[] {
  const last = lastSpill(home, project.id);
  const facts = make(last);
  for (const fact of facts) requireOwn(project.id, fact);
  const { checkoutPath } = project;
  try {
    writeSpill(
      home,
      project.id,
      { checkoutPath, capturedAt: home.system.clock.now(), facts },
      last,
    );
  } catch (error) {
    if (errnoOf(error) === '') throw error;
    throw new UserError('capture_failed', `nothing was recorded: ${messageOf(error)}`, {
      remedy: 'spec-kitty sync status',
      cause: error,
    });
  }
  return facts.map((fact) => ({
    eventId: fact.event.envelope.eventId,
    status: 'spilled',
    seq: null,
    eligible: true,
  }));
}

/** The clock goes on from the last value that can be read, in the store or beside it. */
function spillHead(home: Home, read: Head | null, last: SpillMark): Head {
  const head = read ?? {
    nodeId: nodeIdOf(home.system.host),
    lamport: 0,
    captured: 0,
    ineligible: 0,
  };
  return { ...head, lamport: Math.max(head.lamport, last.lamport) };
}

function isLocked(error: unknown): boolean {
  return error instanceof UserError && error.code === 'busy';
}

function isStoreFailure(error: unknown): boolean {
  if (error instanceof UserError) return STORE_FAILURES.has(error.code);
  const code = sqliteCode(error);
  return isSystemError(error) || (code !== '' && !code.startsWith('SQLITE_CONSTRAINT'));
}
