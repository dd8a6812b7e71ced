import type { Millis } from '../../../base/index.ts';
import type { Moment } from '../moment.ts';
import { type Completeness, type Figures, type Report, saysNoDrift } from './said.ts';

/** What was last said of an artifact that is required. */
export interface RequiredArtifact extends Moment {
  readonly path: string;
  readonly artifactClass: string;
  readonly artifactKey: string;
  readonly isPresent: boolean;
  readonly reason: string;
}

export interface SaidReport extends Omit<Report, 'kind'>, Moment {}

/** Whether a dossier differs from its baseline. */
export interface Drift {
  readonly state: 'none' | 'open' | 'gone';
  /** When the present, else the last, difference was found first; null when there was none. */
  readonly since: Millis | null;
  readonly goneAt: Millis | null;
  /** Every kind that was said of it, in the order in which they came up. */
  readonly kinds: readonly string[];
  readonly baselineHash: string;
  readonly parityHash: string;
  /** The dossier has changed since the difference was reported last. */
  readonly isOutdated: boolean;
}

/** What all that was said of a dossier adds up to. */
export interface Standing extends Figures {
  readonly completeness: Completeness;
  /** Required artifacts that are not there, by path. */
  readonly missing: readonly RequiredArtifact[];
  readonly snapshot: SaidReport | null;
  readonly drift: Drift;
}

/**
 * Where a dossier stands. `reports` are in the order of their moments. Index events say of each artifact whether it is
 * required, but not all of them do; snapshots count what is required, but not all of them count what was deleted. Who
 * knows of more required artifacts has the figures.
 */
export function standingOf(
  required: readonly RequiredArtifact[],
  reports: readonly SaidReport[],
): Standing {
  const snapshot = reports.findLast(({ topic }) => topic === 'snapshot') ?? null;
  const asked = withoutAnswered(required);
  const missing = asked.filter(({ isPresent }) => !isPresent);
  return {
    ...figuresOf(asked, missing.length, snapshot),
    missing,
    snapshot,
    drift: driftOf(reports),
  };
}

/** Whether somebody should look at a dossier. */
export function needsLook({ completeness, drift }: Standing): boolean {
  return completeness === 'incomplete' || drift.state === 'open';
}

const UNKNOWN = { completeness: 'unknown', required: null, present: null } as const;

type Judgement = Pick<Standing, 'completeness' | 'required' | 'present'>;

function figuresOf(
  required: readonly RequiredArtifact[],
  missing: number,
  snapshot: SaidReport | null,
): Judgement {
  const counted = snapshot?.required ?? 0;
  if (snapshot !== null && (required.length === 0 || counted > required.length)) {
    const { completeness, required: all, present } = snapshot;
    return completeness === 'unknown' ? UNKNOWN : { completeness, required: all, present };
  }
  if (required.length === 0) return UNKNOWN;
  const completeness = missing === 0 ? 'complete' : 'incomplete';
  return { completeness, required: required.length, present: required.length - missing };
}

/** A pattern that was missing is not the path of what came for it: their key is the same. */
function withoutAnswered(required: readonly RequiredArtifact[]): readonly RequiredArtifact[] {
  const present = new Set(
    required.filter(({ isPresent }) => isPresent).map(({ artifactKey }) => artifactKey),
  );
  return required.filter(
    ({ path, artifactKey, isPresent }) =>
      isPresent || !path.includes('*') || artifactKey === '' || !present.has(artifactKey),
  );
}

const NEVER: Drift = {
  state: 'none',
  since: null,
  goneAt: null,
  kinds: [],
  baselineHash: '',
  parityHash: '',
  isOutdated: false,
};

/** A difference stands until somebody says that it is resolved, or a snapshot is what the baseline wants. */
function driftOf(reports: readonly SaidReport[]): Drift {
  return reports.reduce((drift, report) => {
    const { topic, occurredAt, driftKind, baselineHash, parityHash } = report;
    const isOpen = drift.state === 'open';
    const isSame = topic === 'snapshot' ? parityHash === drift.baselineHash : saysNoDrift(report);
    if (isSame) return isOpen ? { ...drift, state: 'gone', goneAt: occurredAt } : drift;
    if (topic === 'snapshot') {
      return isOpen ? { ...drift, isOutdated: parityHash !== drift.parityHash } : drift;
    }
    const [since, kinds] = isOpen ? [drift.since, drift.kinds] : [occurredAt, []];
    return {
      state: 'open',
      since,
      goneAt: null,
      kinds: kinds.includes(driftKind) ? kinds : [...kinds, driftKind],
      baselineHash,
      parityHash,
      isOutdated: false,
    };
  }, NEVER);
}
