-- owner: trackers
-- breaking: no
-- What the project is bound to elsewhere, what is known of it here, and the snapshots of it that travel.

-- One tracker and workspace that was ever bound. Which one is in force stands in the project's own configuration.
CREATE TABLE bindings (
  binding_id INTEGER PRIMARY KEY,
  provider TEXT NOT NULL CHECK (provider <> ''),
  workspace TEXT NOT NULL CHECK (workspace <> ''),
  bound_at INTEGER NOT NULL,
  -- The earlier program's database that was read for it, null where there was none.
  taken_from TEXT,
  UNIQUE (provider, workspace)
) STRICT;

-- An issue as a snapshot shows it, and every byte of it as the tracker sent it.
CREATE TABLE tracker_issues (
  binding_id INTEGER NOT NULL REFERENCES bindings (binding_id),
  issue_id TEXT NOT NULL CHECK (issue_id <> ''),
  issue_key TEXT,
  shown TEXT NOT NULL,
  raw TEXT NOT NULL,
  updated_at TEXT,
  changed_at INTEGER NOT NULL,
  PRIMARY KEY (binding_id, issue_id)
) STRICT, WITHOUT ROWID;

-- How far pulling has come. `cursor` is where a pass stopped in its middle, and `newest` the newest change that pass
-- has seen; when it ends, `newest` becomes `updated_since`.
CREATE TABLE tracker_checkpoints (
  binding_id INTEGER PRIMARY KEY REFERENCES bindings (binding_id),
  cursor TEXT,
  updated_since TEXT,
  newest TEXT
) STRICT;

CREATE TABLE tracker_mappings (
  binding_id INTEGER NOT NULL REFERENCES bindings (binding_id),
  wp_id TEXT NOT NULL CHECK (wp_id <> ''),
  system TEXT NOT NULL,
  external_id TEXT NOT NULL CHECK (external_id <> ''),
  external_key TEXT,
  external_url TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  PRIMARY KEY (binding_id, wp_id, system),
  UNIQUE (binding_id, system, external_id)
) STRICT, WITHOUT ROWID;

-- One published state of one binding. No AUTOINCREMENT and no delete: seq is dense and says how many there are.
CREATE TABLE snapshots (
  seq INTEGER PRIMARY KEY,
  project_id TEXT NOT NULL REFERENCES store (project_id),
  checkout_id INTEGER REFERENCES checkouts (checkout_id),
  eligible INTEGER NOT NULL DEFAULT 1 CHECK (eligible IN (0, 1)),
  provider TEXT NOT NULL,
  workspace TEXT NOT NULL,
  resource_type TEXT,
  resource_id TEXT,
  idempotency_key TEXT NOT NULL CHECK (length(idempotency_key) = 64),
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64 AND sha256 NOT GLOB '*[^0-9a-f]*'),
  bytes INTEGER NOT NULL CHECK (bytes > 0),
  payload BLOB NOT NULL CHECK (length(payload) = bytes),
  created_at INTEGER NOT NULL,
  CHECK ((resource_type IS NULL) = (resource_id IS NULL))
) STRICT;
CREATE INDEX snapshots_ineligible ON snapshots (seq) WHERE eligible = 0;
CREATE TRIGGER snapshots_no_update BEFORE UPDATE ON snapshots
  BEGIN SELECT RAISE (ABORT, 'a snapshot is immutable'); END;
CREATE TRIGGER snapshots_no_delete BEFORE DELETE ON snapshots
  BEGIN SELECT RAISE (ABORT, 'a snapshot is immutable'); END;
CREATE TRIGGER snapshots_no_replace BEFORE INSERT ON snapshots
  WHEN EXISTS (SELECT 1 FROM snapshots WHERE seq = NEW.seq)
  BEGIN SELECT RAISE (ABORT, 'a snapshot is immutable'); END;
