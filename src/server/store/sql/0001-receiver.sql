-- owner: server
-- breaking: no
-- What arrived, who may send, and which receiver this is. Words in double braces differ between databases.

-- One row: a new file is another receiver, and its clients must learn that.
CREATE TABLE instance (
  one {{integer}} PRIMARY KEY CHECK (one = 1),
  server_instance_id TEXT NOT NULL,
  created_at {{integer}} NOT NULL
){{strict}};

-- Each (team, project, event id) once; its bytes never change. The id stands before the project in the key so
-- that an id alone is found too, and ids that grow with time are added near each other.
CREATE TABLE events (
  arrival {{serial}},
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  event_id TEXT NOT NULL,
  type TEXT NOT NULL,
  aggregate_type TEXT NOT NULL,
  aggregate_id TEXT NOT NULL,
  category TEXT CHECK (category IN ('unknown_type', 'unvalidated')),
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  occurred_at {{integer}} NOT NULL,
  received_at {{integer}} NOT NULL,
  payload {{blob}} NOT NULL,
  UNIQUE (team_id, event_id, project_id)
){{by_project}};
CREATE INDEX events_of_project ON events (team_id, project_id, arrival);

-- Only the hash of a token is kept; the prefix is public and finds the row.
CREATE TABLE tokens (
  token_id TEXT PRIMARY KEY,
  team_id TEXT NOT NULL,
  prefix TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE CHECK (length(hash) = 64),
  name TEXT NOT NULL,
  scope TEXT NOT NULL CHECK (scope IN ('ingest', 'read')),
  all_projects {{integer}} NOT NULL CHECK (all_projects IN (0, 1)),
  created_at {{integer}} NOT NULL,
  last_used_at {{integer}},
  revoked_at {{integer}}
){{strict}};
CREATE INDEX tokens_by_prefix ON tokens (prefix);
CREATE INDEX tokens_live ON tokens (team_id) WHERE revoked_at IS NULL;

CREATE TABLE token_projects (
  token_id TEXT NOT NULL REFERENCES tokens (token_id),
  project_id TEXT NOT NULL,
  PRIMARY KEY (token_id, project_id)
){{strict}};
