-- owner: journal
-- breaking: no
-- What the mode OPT_OUT did not keep.

-- Facts that may not be discarded just so, discarded on record: enough to know one again, nothing of what it said.
CREATE TABLE audit (
  audit_id INTEGER PRIMARY KEY,
  event_id TEXT NOT NULL UNIQUE,
  type TEXT NOT NULL,
  family INTEGER NOT NULL CHECK (family BETWEEN 1 AND 4),
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  source TEXT NOT NULL,
  reason TEXT NOT NULL,
  discarded_at INTEGER NOT NULL
) STRICT;
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
  BEGIN SELECT RAISE (ABORT, 'the record of what was discarded stays'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
  BEGIN SELECT RAISE (ABORT, 'the record of what was discarded stays'); END;

-- How often a kind of fact was dropped that may be dropped without a record of each.
CREATE TABLE discards (
  type TEXT PRIMARY KEY,
  family INTEGER NOT NULL CHECK (family BETWEEN 1 AND 4),
  n INTEGER NOT NULL CHECK (n > 0),
  last_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
