-- owner: legacy
-- breaking: no
-- Events of old queues that name no project. Nothing here can be sent: there is no table for it.

CREATE TABLE unassigned_events (
  event_id TEXT PRIMARY KEY,
  type TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  payload BLOB NOT NULL,
  occurred_at INTEGER NOT NULL,
  kept_at INTEGER NOT NULL,
  -- The project it was given to by `sync migrate --assign`; null while it waits.
  project_id TEXT,
  assigned_at INTEGER
) STRICT;
CREATE INDEX unassigned_waiting ON unassigned_events (event_id) WHERE project_id IS NULL;
