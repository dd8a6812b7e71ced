-- owner: server
-- breaking: no
-- States of trackers that projects published, and which project a resource of a tracker belongs to.

-- Each (team, key, hash of the bytes) once. `turn` grows with every arrival, repeats included: the state that was
-- published last is the present one, also where it had been published before.
CREATE TABLE tracker_snapshots (
  arrival {{serial}},
  team_id TEXT NOT NULL,
  project_id TEXT,
  provider TEXT NOT NULL,
  workspace TEXT NOT NULL,
  resource_type TEXT NOT NULL,
  resource_id TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  doctrine_mode TEXT,
  issues {{integer}} NOT NULL,
  mappings {{integer}} NOT NULL,
  turn {{integer}} NOT NULL,
  received_at {{integer}} NOT NULL,
  payload {{blob}} NOT NULL,
  UNIQUE (team_id, idempotency_key, sha256),
  -- Both or neither, as on the wire; neither is two empty texts.
  CHECK ((resource_type = '') = (resource_id = ''))
){{strict}};
CREATE INDEX tracker_snapshots_in_turn ON tracker_snapshots (team_id, turn);
CREATE INDEX tracker_snapshots_of_resource
  ON tracker_snapshots (team_id, provider, workspace, resource_type, resource_id, turn);

-- What an operator said: with a resource it is for that one, with two empty texts for the rest of the workspace.
CREATE TABLE resource_mappings (
  team_id TEXT NOT NULL,
  provider TEXT NOT NULL,
  workspace TEXT NOT NULL,
  resource_type TEXT NOT NULL,
  resource_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  set_at {{integer}} NOT NULL,
  PRIMARY KEY (team_id, provider, workspace, resource_type, resource_id),
  CHECK ((resource_type = '') = (resource_id = ''))
){{strict}};
