-- owner: legacy
-- breaking: no
-- What was read from databases of the earlier program: every row of theirs, and what became of it here.

-- A database that rows came from. `scope` is the identity its name was proven to stand for, null while unknown.
CREATE TABLE import_sources (
  source_id INTEGER PRIMARY KEY,
  path TEXT NOT NULL UNIQUE,
  digest TEXT NOT NULL,
  scope TEXT,
  first_seen_at INTEGER NOT NULL
) STRICT;

-- One row of a source as it read then. part: 1 event, 2 body, 3 failure. result: 1 imported, 2 identical,
-- 3 conflict, 4 unreadable. `seq` is the place of the event or upload in this store, where it has one.
CREATE TABLE imports (
  source_id INTEGER NOT NULL REFERENCES import_sources (source_id),
  part INTEGER NOT NULL CHECK (part BETWEEN 1 AND 3),
  row_id INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  result INTEGER NOT NULL CHECK (result BETWEEN 1 AND 4),
  seq INTEGER,
  enqueued_at INTEGER NOT NULL,
  PRIMARY KEY (source_id, part, row_id, sha256)
) STRICT, WITHOUT ROWID;
CREATE INDEX imports_in_conflict ON imports (source_id, sha256) WHERE result = 3;

-- Two contents of one event id, both kept. The source's hash is that of its row, byte for byte.
CREATE TABLE import_conflicts (
  event_id TEXT NOT NULL,
  incoming_sha256 TEXT NOT NULL,
  existing_sha256 TEXT NOT NULL,
  incoming BLOB NOT NULL,
  existing BLOB,
  source_id INTEGER NOT NULL REFERENCES import_sources (source_id),
  noted_at INTEGER NOT NULL,
  resolution TEXT CHECK (resolution IN ('keep-journal', 'keep-source')),
  resolved_at INTEGER,
  PRIMARY KEY (event_id, incoming_sha256)
) STRICT;
CREATE INDEX import_conflicts_open ON import_conflicts (incoming_sha256) WHERE resolution IS NULL;

-- Rows that are no event or body of ours, quoted with the reason.
CREATE TABLE import_unreadable (
  source_id INTEGER NOT NULL REFERENCES import_sources (source_id),
  part INTEGER NOT NULL,
  row_id INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  reason TEXT NOT NULL,
  content BLOB NOT NULL,
  noted_at INTEGER NOT NULL,
  PRIMARY KEY (source_id, part, row_id, sha256)
) STRICT;

-- What the earlier program gave up on: history, never sent.
CREATE TABLE import_failures (
  source_id INTEGER NOT NULL REFERENCES import_sources (source_id),
  row_id INTEGER NOT NULL,
  mission_slug TEXT NOT NULL,
  target_branch TEXT NOT NULL,
  mission_type TEXT NOT NULL,
  manifest_version TEXT NOT NULL,
  artifact_path TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  reason TEXT NOT NULL,
  failures INTEGER NOT NULL,
  first_failed_at INTEGER NOT NULL,
  last_failed_at INTEGER NOT NULL,
  PRIMARY KEY (source_id, row_id)
) STRICT;
