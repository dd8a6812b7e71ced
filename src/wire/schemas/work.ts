import {
  actor,
  anyText,
  closed,
  count,
  flag,
  instant,
  lazily,
  list,
  matching,
  maybe,
  oneOf,
  open,
  ordinal,
  rule,
  text,
  wpId,
} from './parts.ts';

// Work packages, in both generations, and the features of the first one (wire contract 4.4, 5.1, 5.2).

const FIRST_LANES = [
  'planned',
  'claimed',
  'in_progress',
  'for_review',
  'done',
  'blocked',
  'canceled',
] as const;
const TO_LANES = [...FIRST_LANES, 'in_review', 'approved'] as const;
const FROM_LANES = [...TO_LANES, 'genesis'] as const;
const PHASES = ['implementation', 'review'] as const;
const ENTRY_TYPES = ['note', 'review', 'error', 'comment'] as const;
const ERROR_TYPES = ['validation', 'runtime', 'network', 'auth', 'unknown'] as const;

export const statusChangedFirst = lazily(() =>
  open({
    wp_id: wpId,
    from_lane: oneOf(FIRST_LANES),
    to_lane: oneOf(FIRST_LANES),
    actor: maybe(anyText),
    feature_slug: maybe(anyText),
  }),
);

export const statusChanged = lazily(() =>
  closed({
    mission_slug: text,
    wp_id: wpId,
    from_lane: oneOf(FROM_LANES),
    to_lane: oneOf(TO_LANES),
    actor,
    execution_mode: oneOf(['worktree', 'direct_repo']),
    force: maybe(flag),
    reason: maybe(anyText),
    review_ref: maybe(anyText),
    evidence: maybe(evidence()),
  }).check(
    rule('needs-reason', forcedHasReason, 'is needed when force is true', ['reason']),
    rule('needs-evidence', finishedHasEvidence, 'is needed for this lane', ['evidence']),
  ),
);

function evidence() {
  return open({
    repos: list(
      open({ repo: text, branch: text, commit: text, files_touched: maybe(list(anyText)) }),
    ),
    review: open({ reviewer: text, verdict: text, reference: maybe(anyText) }),
    verification: maybe(list(open({ command: text, result: text, summary: maybe(anyText) }))),
  });
}

interface StatusChange {
  readonly force?: unknown;
  readonly reason?: unknown;
  readonly to_lane?: unknown;
  readonly evidence?: unknown;
}

function forcedHasReason(change: StatusChange): boolean {
  if (change.force !== true) return true;
  return typeof change.reason === 'string' && change.reason.trim() !== '';
}

function finishedHasEvidence(change: StatusChange): boolean {
  const isFinished = change.to_lane === 'approved' || change.to_lane === 'done';
  return !isFinished || (change.evidence !== null && change.evidence !== undefined);
}

export const createdFirst = lazily(() =>
  open({ wp_id: wpId, title: text, feature_slug: text, dependencies: maybe(list(wpId)) }),
);

export const created = lazily(() =>
  closed({
    wp_id: wpId,
    wp_title: text,
    mission_slug: text,
    actor,
    depends_on: maybe(list(wpId)),
    mission_number: maybe(ordinal),
    wp_path: maybe(anyText),
    created_at: maybe(instant),
  }),
);

export const assigned = lazily(() =>
  closed({ wp_id: wpId, agent_id: text, phase: oneOf(PHASES), retry_count: maybe(count) }),
);

const entry = { wp_id: wpId, entry_type: oneOf(ENTRY_TYPES), entry_content: text };
export const historyFirst = lazily(() => open({ ...entry, author: maybe(anyText) }));
export const history = lazily(() => closed({ ...entry, author: text }));

export const errorLogged = lazily(() =>
  closed({
    error_type: oneOf(ERROR_TYPES),
    error_message: text,
    wp_id: maybe(wpId),
    stack_trace: maybe(anyText),
    agent_id: maybe(anyText),
  }),
);

export const dependencyResolved = lazily(() =>
  closed({
    wp_id: wpId,
    dependency_wp_id: wpId,
    resolution_type: oneOf(['completed', 'skipped', 'merged']),
  }),
);

export const featureCreated = lazily(() =>
  open({
    feature_slug: matching(/^\d{3}-[a-z0-9-]+$/),
    feature_number: matching(/^\d{3}$/),
    target_branch: text,
    wp_count: count,
    created_at: maybe(instant),
  }),
);

export const featureCompleted = lazily(() =>
  open({ feature_slug: text, total_wps: count, completed_at: maybe(instant) }),
);
