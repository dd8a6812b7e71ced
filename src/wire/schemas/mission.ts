import * as z from 'zod/mini';
import {
  actor,
  amount,
  anyText,
  closed,
  count,
  instant,
  lazily,
  list,
  maybe,
  oneOf,
  open,
  ordinal,
  something,
  text,
} from './parts.ts';

// Builds, missions and runs: the second generation alone has them (wire contract 5.2).

const build = {
  build_id: text,
  node_id: maybe(anyText),
  project_uuid: maybe(anyText),
  project_slug: maybe(anyText),
  project_name: maybe(anyText),
  repo_slug: maybe(anyText),
  branch: maybe(anyText),
  head_commit: maybe(anyText),
  developer_name: maybe(anyText),
  machine_name: maybe(anyText),
  workspace_path: maybe(anyText),
};

export const buildRegistered = lazily(() => open(build));

export const buildHeartbeat = lazily(() =>
  open({
    ...build,
    remote_head: maybe(anyText),
    ahead_of_remote: maybe(count),
    behind_remote: maybe(count),
    recent_commits: maybe(list(something)),
  }),
);

export const missionCreated = lazily(() =>
  closed({
    mission_slug: text,
    // Null says that the mission has no number yet; leaving it out says nothing.
    mission_number: z.nullable(ordinal),
    mission_type: text,
    target_branch: text,
    wp_count: count,
    friendly_name: text,
    purpose_tldr: text,
    purpose_context: text,
    mission_id: maybe(anyText),
    created_at: maybe(instant),
  }),
);

export const missionClosed = lazily(() =>
  closed({ mission_slug: text, mission_number: ordinal, mission_type: text }),
);

const mission = { mission_id: text, actor, mission_slug: maybe(anyText) };

export const missionStarted = lazily(() =>
  open({ ...mission, mission_type: text, initial_phase: text }),
);

export const missionCompleted = lazily(() =>
  open({ ...mission, mission_type: text, final_phase: text }),
);

export const phaseEntered = lazily(() =>
  open({ ...mission, phase_name: text, previous_phase: maybe(anyText) }),
);

const run = { run_id: text, mission_id: maybe(anyText), mission_slug: maybe(anyText) };

/** A run starts and completes with the same members. */
export const missionRun = lazily(() =>
  open({
    ...run,
    mission_type: text,
    actor: open({ actor_id: text, actor_type: oneOf(['human', 'llm', 'service']) }),
  }),
);

export const nextStepIssued = lazily(() => open({ ...run, step_id: text, agent_id: text, actor }));

export const nextStepAutoCompleted = lazily(() =>
  open({
    ...run,
    step_id: text,
    agent_id: text,
    result: oneOf(['success', 'failed', 'blocked']),
    actor,
  }),
);

export const decisionInputRequested = lazily(() =>
  open({
    ...run,
    decision_id: text,
    step_id: text,
    question: text,
    actor,
    options: maybe(list(something)),
    input_key: maybe(anyText),
  }),
);

export const decisionInputAnswered = lazily(() =>
  open({ ...run, decision_id: text, answer: text, actor }),
);

const measured = {
  mission_id: text,
  source: text,
  run_id: maybe(anyText),
  step_id: maybe(anyText),
  wp_id: maybe(anyText),
  phase_name: maybe(anyText),
};

export const tokenUsageRecorded = lazily(() =>
  closed({
    ...measured,
    input_tokens: count,
    output_tokens: count,
    total_tokens: count,
    estimated_cost_usd: amount,
    actor: maybe(something),
    provider: maybe(anyText),
    model: maybe(anyText),
  }),
);

export const diffSummaryRecorded = lazily(() =>
  closed({
    ...measured,
    base_ref: text,
    head_ref: text,
    files_changed: count,
    lines_added: count,
    lines_deleted: count,
  }),
);

export const missionOriginBound = lazily(() =>
  closed({
    mission_slug: text,
    provider: oneOf(['jira', 'linear']),
    external_issue_id: text,
    external_issue_key: text,
    external_issue_url: text,
    title: text,
    mission_id: maybe(anyText),
  }),
);
