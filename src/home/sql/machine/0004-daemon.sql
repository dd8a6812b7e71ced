-- owner: daemon
-- breaking: no
-- Who delivers in the background of this home: one row for ever, whose fence grows with every owner.

CREATE TABLE daemon (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  fence INTEGER NOT NULL CHECK (fence >= 0),
  -- The process that owns it, told from a later one of the same number; null when nobody does.
  pid INTEGER,
  started TEXT,
  boot TEXT,
  -- What another program of this home must agree on (cli contract 0.5).
  package_version TEXT,
  executable_path TEXT,
  source_path TEXT,
  server_url TEXT,
  team_or_user TEXT,
  queue_db_path TEXT,
  -- The settings it was started with, as JSON: names of variables and their values, never a secret.
  environment TEXT,
  started_at INTEGER,
  heartbeat_at INTEGER,
  expires_at INTEGER,
  -- Somebody asks it to end.
  stop_requested_at INTEGER
) STRICT;
