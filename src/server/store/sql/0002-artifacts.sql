-- owner: server
-- breaking: no
-- The artifacts that the dossier events speak of, and their texts. All of it but the texts follows from the events,
-- in whatever order they arrived.

-- namespace_id is made of the four texts behind it. Branch, type and version are empty for events of the first
-- generation that do not say them.
CREATE TABLE namespaces (
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  namespace_id TEXT NOT NULL,
  mission_slug TEXT NOT NULL,
  target_branch TEXT NOT NULL,
  mission_type TEXT NOT NULL,
  manifest_version TEXT NOT NULL,
  PRIMARY KEY (team_id, project_id, namespace_id)
){{by_project}};

-- What the last event about a path says, last by (occurred_at, lamport, event_id). Without a hash it was deleted.
CREATE TABLE artifacts (
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  namespace_id TEXT NOT NULL,
  path TEXT NOT NULL,
  artifact_class TEXT NOT NULL,
  artifact_key TEXT,
  required_status TEXT,
  sha256 TEXT CHECK (length(sha256) = 64),
  size_bytes {{integer}},
  occurred_at {{integer}} NOT NULL,
  lamport {{integer}} NOT NULL,
  event_id TEXT NOT NULL,
  PRIMARY KEY (team_id, project_id, namespace_id, path)
){{by_project}};

-- Every content a path had. stored_at is when its text arrived for this path; bodies has it then.
CREATE TABLE artifact_versions (
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  namespace_id TEXT NOT NULL,
  path TEXT NOT NULL,
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  size_bytes {{integer}},
  indexed_at {{integer}} NOT NULL,
  stored_at {{integer}},
  PRIMARY KEY (team_id, project_id, namespace_id, path, sha256)
){{by_project}};

-- Each text of a project once, whatever paths have it.
CREATE TABLE bodies (
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  received_at {{integer}} NOT NULL,
  content {{blob}} NOT NULL,
  PRIMARY KEY (team_id, project_id, sha256)
){{by_project}};
