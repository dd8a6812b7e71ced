-- owner: home
-- breaking: no
-- One project's store: which project it is, and the checkouts its facts were captured in.

CREATE TABLE store (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  project_id TEXT NOT NULL UNIQUE,
  -- Grows when the store was found rolled back, so that a sequence number is never used twice at a receiver.
  epoch INTEGER NOT NULL DEFAULT 1 CHECK (epoch >= 1),
  created_at INTEGER NOT NULL
) STRICT;

-- A checkout is a repository with all its git worktrees: the real path of the common git directory, or of the
-- project root where there is no git.
CREATE TABLE checkouts (
  checkout_id INTEGER PRIMARY KEY,
  path TEXT NOT NULL UNIQUE,
  first_seen_at INTEGER NOT NULL
) STRICT;
