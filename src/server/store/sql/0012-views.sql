-- owner: server
-- breaking: no
-- What people look at, folded from the events behind the ingest's back. All of it follows from the set of a project's
-- events, in whatever order they arrived, so it may be emptied and folded anew at any time.

-- Up to which arrival a project is folded. Its row is also the lock: one process at a time folds a project.
CREATE TABLE view_cursors (
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  arrival {{integer}} NOT NULL,
  PRIMARY KEY (team_id, project_id)
){{by_project}};

CREATE TABLE missions (
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  mission_slug TEXT NOT NULL,
  events {{integer}} NOT NULL,
  first_at {{integer}} NOT NULL,
  last_at {{integer}} NOT NULL,
  PRIMARY KEY (team_id, project_id, mission_slug)
){{by_project}};

-- What the last event about a mission (wp_id empty), one of its work packages or the project itself (mission_slug empty
-- too) says, topic by topic; last by (occurred_at, lamport, event_id).
CREATE TABLE last_words (
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  mission_slug TEXT NOT NULL,
  wp_id TEXT NOT NULL,
  topic TEXT NOT NULL CHECK (topic IN ('type', 'title', 'lane')),
  value TEXT NOT NULL,
  occurred_at {{integer}} NOT NULL,
  lamport {{integer}} NOT NULL,
  event_id TEXT NOT NULL,
  PRIMARY KEY (team_id, project_id, mission_slug, wp_id, topic)
){{by_project}};

-- Every change of a lane as it was said, unknown lanes too.
CREATE TABLE lane_changes (
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  mission_slug TEXT NOT NULL,
  occurred_at {{integer}} NOT NULL,
  lamport {{integer}} NOT NULL,
  event_id TEXT NOT NULL,
  wp_id TEXT NOT NULL,
  from_lane TEXT NOT NULL,
  to_lane TEXT NOT NULL,
  actor TEXT NOT NULL,
  PRIMARY KEY (team_id, project_id, mission_slug, occurred_at, lamport, event_id)
){{by_project}};

-- What is odd about an event. The event itself is stored all the same.
CREATE TABLE findings (
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  mission_slug TEXT NOT NULL,
  occurred_at {{integer}} NOT NULL,
  event_id TEXT NOT NULL,
  code TEXT NOT NULL,
  detail TEXT NOT NULL,
  PRIMARY KEY (team_id, project_id, mission_slug, occurred_at, event_id, code)
){{by_project}};

CREATE TABLE producers (
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  node_id TEXT NOT NULL,
  events {{integer}} NOT NULL,
  last_seen_at {{integer}} NOT NULL,
  last_event_at {{integer}} NOT NULL,
  PRIMARY KEY (team_id, project_id, node_id)
){{by_project}};

-- The unbroken stretches of a producer's lamport clock; between two of them is a gap.
CREATE TABLE producer_runs (
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  node_id TEXT NOT NULL,
  first_lamport {{integer}} NOT NULL,
  last_lamport {{integer}} NOT NULL,
  PRIMARY KEY (team_id, project_id, node_id, first_lamport)
){{by_project}};

-- How many events arrived on a day (UTC), how many are of a type, how many have a finding.
CREATE TABLE tallies (
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  topic TEXT NOT NULL CHECK (topic IN ('day', 'type', 'finding')),
  name TEXT NOT NULL,
  count {{integer}} NOT NULL,
  PRIMARY KEY (team_id, project_id, topic, name)
){{by_project}};
CREATE INDEX tallies_by_name ON tallies (team_id, topic, name);
