-- owner: legacy
-- breaking: no
-- Databases of the earlier program that were read on this machine: an index for status, the truth is in the stores.

CREATE TABLE sources (
  path TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('queue', 'journal', 'ledger')),
  digest TEXT NOT NULL,
  -- `server|user|team` when the digest was proven to be of it; null is unknown.
  scope TEXT,
  -- How its files looked when every row was accounted for; null when it must be read again.
  fingerprint TEXT,
  rows INTEGER NOT NULL,
  bodies INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  conflicts INTEGER NOT NULL,
  unreadable INTEGER NOT NULL,
  error TEXT,
  read_at INTEGER NOT NULL,
  archived_as TEXT
) STRICT, WITHOUT ROWID;
