-- owner: server
-- breaking: no
-- What people see of the artifacts of a mission and of one work package. As the views before, all of it follows from
-- the set of a project's events.

-- One namespace of a mission: the last event about it, and what the two tables below add up to. Branch, type and version
-- are empty where an event did not say all of them.
CREATE TABLE dossiers (
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  mission_slug TEXT NOT NULL,
  namespace_id TEXT NOT NULL,
  target_branch TEXT NOT NULL,
  mission_type TEXT NOT NULL,
  manifest_version TEXT NOT NULL,
  occurred_at {{integer}} NOT NULL,
  lamport {{integer}} NOT NULL,
  event_id TEXT NOT NULL,
  completeness TEXT NOT NULL DEFAULT 'unknown' CHECK (completeness IN ('complete', 'incomplete', 'unknown')),
  required {{integer}},
  present {{integer}},
  drift TEXT NOT NULL DEFAULT 'none' CHECK (drift IN ('none', 'open', 'gone')),
  drift_at {{integer}},
  needs_look {{integer}} NOT NULL DEFAULT 0,
  PRIMARY KEY (team_id, project_id, mission_slug, namespace_id)
){{by_project}};
CREATE INDEX dossiers_to_look_at ON dossiers (team_id, needs_look, project_id, mission_slug);

-- What the last event about a path says: that it is there, with its hash, or why it is not. need is empty where the
-- event did not say whether the artifact is required.
CREATE TABLE dossier_artifacts (
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  mission_slug TEXT NOT NULL,
  namespace_id TEXT NOT NULL,
  path TEXT NOT NULL,
  artifact_class TEXT NOT NULL,
  artifact_key TEXT NOT NULL,
  need TEXT NOT NULL CHECK (need IN ('required', 'optional', '')),
  is_present {{integer}} NOT NULL,
  sha256 TEXT,
  reason TEXT NOT NULL,
  occurred_at {{integer}} NOT NULL,
  lamport {{integer}} NOT NULL,
  event_id TEXT NOT NULL,
  PRIMARY KEY (team_id, project_id, mission_slug, namespace_id, path)
){{by_project}};
CREATE INDEX dossier_artifacts_required
  ON dossier_artifacts (team_id, project_id, mission_slug, namespace_id, path)
  WHERE need = 'required';

-- What was said of a dossier as a whole: snapshots, and differences from a baseline with their kind. Figures are null
-- where nobody said them.
CREATE TABLE dossier_reports (
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  mission_slug TEXT NOT NULL,
  namespace_id TEXT NOT NULL,
  occurred_at {{integer}} NOT NULL,
  lamport {{integer}} NOT NULL,
  event_id TEXT NOT NULL,
  topic TEXT NOT NULL CHECK (topic IN ('snapshot', 'drift')),
  drift_kind TEXT NOT NULL,
  parity_hash TEXT NOT NULL,
  baseline_hash TEXT NOT NULL,
  completeness TEXT NOT NULL CHECK (completeness IN ('complete', 'incomplete', 'unknown')),
  artifacts {{integer}},
  required {{integer}},
  present {{integer}},
  PRIMARY KEY (team_id, project_id, mission_slug, namespace_id, occurred_at, lamport, event_id)
){{by_project}};

-- The history and the findings of one work package.
CREATE INDEX lane_changes_by_package
  ON lane_changes (team_id, project_id, mission_slug, wp_id, occurred_at, lamport, event_id);
ALTER TABLE findings ADD COLUMN wp_id TEXT NOT NULL DEFAULT '';
CREATE INDEX findings_by_package ON findings (team_id, project_id, mission_slug, wp_id, occurred_at, event_id);

-- Events that were folded before are folded again, for what the tables above take from them.
DELETE FROM missions;
DELETE FROM last_words;
DELETE FROM lane_changes;
DELETE FROM findings;
DELETE FROM producers;
DELETE FROM producer_runs;
DELETE FROM tallies;
DELETE FROM view_cursors;
