-- owner: home
-- breaking: no
-- What this machine knows about its projects and about the endpoints it talks to. Capture never opens this file.

CREATE TABLE projects (
  project_id TEXT PRIMARY KEY,
  slug TEXT,
  root TEXT NOT NULL,
  last_seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Health and breaker of one origin, shared by all projects so that a dead host is probed once.
CREATE TABLE endpoints (
  origin TEXT PRIMARY KEY,
  failures INTEGER NOT NULL DEFAULT 0,
  open_until_at INTEGER NOT NULL DEFAULT 0,
  last_error TEXT,
  last_checked_at INTEGER NOT NULL,
  last_success_at INTEGER
) STRICT, WITHOUT ROWID;
