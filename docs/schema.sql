-- One project: <home>/projects/<project uuid>.db

CREATE TABLE active (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  mode TEXT NOT NULL,
  route_id INTEGER REFERENCES routes (route_id),
  set_at INTEGER NOT NULL
) STRICT;

CREATE TABLE archives (
  archive_id INTEGER PRIMARY KEY,
  path TEXT NOT NULL,
  digest TEXT NOT NULL CHECK (length(digest) = 64),
  events INTEGER NOT NULL CHECK (events > 0),
  bytes INTEGER NOT NULL,
  first_seq INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  archived_at INTEGER NOT NULL
) STRICT;

CREATE TABLE attempts (
  attempt_id INTEGER PRIMARY KEY,
  gen_id INTEGER NOT NULL REFERENCES generations (gen_id),
  seq INTEGER NOT NULL,
  batch_id INTEGER REFERENCES batches (batch_id),
  outcome INTEGER NOT NULL CHECK (outcome BETWEEN 1 AND 6),
  http_status INTEGER,
  category TEXT,
  detail TEXT,
  attempted_at INTEGER NOT NULL
) STRICT;

CREATE INDEX attempts_of_item ON attempts (gen_id, seq, attempt_id);

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

CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
  BEGIN SELECT RAISE (ABORT, 'the record of what was discarded stays'); END;

CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
  BEGIN SELECT RAISE (ABORT, 'the record of what was discarded stays'); END;

CREATE TABLE batches (
  batch_id INTEGER PRIMARY KEY,
  gen_id INTEGER NOT NULL REFERENCES generations (gen_id),
  fence INTEGER NOT NULL,
  min_seq INTEGER NOT NULL,
  max_seq INTEGER NOT NULL,
  n INTEGER NOT NULL CHECK (n > 0),
  bytes INTEGER NOT NULL,
  started_at INTEGER NOT NULL,
  ended_at INTEGER,
  http_status INTEGER,
  result TEXT
) STRICT;

CREATE INDEX batches_by_position ON batches (gen_id, max_seq, min_seq);

CREATE INDEX batches_open ON batches (gen_id) WHERE ended_at IS NULL;

CREATE TABLE bindings (
  binding_id INTEGER PRIMARY KEY,
  provider TEXT NOT NULL CHECK (provider <> ''),
  workspace TEXT NOT NULL CHECK (workspace <> ''),
  bound_at INTEGER NOT NULL,
  -- The earlier program's database that was read for it, null where there was none.
  taken_from TEXT,
  UNIQUE (provider, workspace)
) STRICT;

CREATE TABLE blobs (
  blob_id INTEGER PRIMARY KEY,
  sha256 TEXT NOT NULL UNIQUE CHECK (length(sha256) = 64 AND sha256 NOT GLOB '*[^0-9a-f]*'),
  bytes INTEGER NOT NULL CHECK (bytes > 0),
  content BLOB NOT NULL CHECK (length(content) = bytes)
) STRICT;

CREATE TRIGGER blobs_no_delete BEFORE DELETE ON blobs
  BEGIN SELECT RAISE (ABORT, 'a stored text is immutable'); END;

CREATE TRIGGER blobs_no_replace BEFORE INSERT ON blobs
  WHEN EXISTS (SELECT 1 FROM blobs WHERE sha256 = NEW.sha256)
    OR EXISTS (SELECT 1 FROM blobs WHERE blob_id = NEW.blob_id)
  BEGIN SELECT RAISE (IGNORE); END;

CREATE TRIGGER blobs_no_update BEFORE UPDATE ON blobs
  BEGIN SELECT RAISE (ABORT, 'a stored text is immutable'); END;

CREATE TABLE body_deliveries (
  gen_id INTEGER NOT NULL REFERENCES generations (gen_id),
  seq INTEGER NOT NULL REFERENCES uploads (seq),
  route_id INTEGER NOT NULL REFERENCES routes (route_id),
  state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 5),
  reason TEXT,
  outcome INTEGER CHECK (outcome BETWEEN 1 AND 6),
  attempts INTEGER NOT NULL DEFAULT 0,
  due_at INTEGER NOT NULL DEFAULT 0,
  live_route INTEGER GENERATED ALWAYS AS (CASE state WHEN 1 THEN route_id END) VIRTUAL
    REFERENCES grants (route_id),
  PRIMARY KEY (gen_id, seq),
  CHECK (state NOT IN (1, 2) OR reason IS NULL),
  CHECK (state NOT IN (3, 4, 5) OR reason IS NOT NULL),
  CHECK (state <> 5 OR reason IN ('revoked', 'dropped', 'replaced', 'unknown_checkout'))
) STRICT, WITHOUT ROWID;

CREATE INDEX body_deliveries_aside ON body_deliveries (route_id, state, gen_id, seq) WHERE state IN (3, 5);

CREATE INDEX body_deliveries_due ON body_deliveries (gen_id, seq) WHERE state = 1;

CREATE INDEX body_deliveries_live ON body_deliveries (live_route) WHERE live_route IS NOT NULL;

CREATE INDEX body_deliveries_tried ON body_deliveries (gen_id, attempts, outcome, due_at)
  WHERE state = 1 AND attempts > 0;

CREATE TRIGGER body_deliveries_final BEFORE UPDATE OF state ON body_deliveries
  WHEN OLD.state = 2 AND NEW.state <> 2
  BEGIN SELECT RAISE (ABORT, 'delivered is final'); END;

CREATE TRIGGER body_deliveries_no_delete BEFORE DELETE ON body_deliveries
  BEGIN SELECT RAISE (ABORT, 'the history of a delivery stays'); END;

CREATE TRIGGER body_deliveries_no_replace BEFORE INSERT ON body_deliveries
  WHEN EXISTS (SELECT 1 FROM body_deliveries WHERE gen_id = NEW.gen_id AND seq = NEW.seq)
  BEGIN SELECT RAISE (ABORT, 'the history of a delivery stays'); END;

CREATE VIEW body_deliveries_for_people AS
  SELECT d.gen_id, d.seq, u.mission_slug, u.target_branch, u.artifact_path, u.sha256, t.canonical_url,
    CASE d.state WHEN 1 THEN 'queued' WHEN 2 THEN 'delivered' WHEN 3 THEN 'parked'
      WHEN 4 THEN 'superseded' ELSE 'withheld' END AS state,
    d.reason,
    CASE d.outcome WHEN 1 THEN 'success' WHEN 2 THEN 'duplicate' WHEN 3 THEN 'pending'
      WHEN 4 THEN 'rejected' WHEN 5 THEN 'transient' WHEN 6 THEN 'terminal_failed' END AS outcome,
    d.attempts, d.due_at
  FROM body_deliveries d
  JOIN uploads u ON u.seq = d.seq
  JOIN routes r ON r.route_id = d.route_id
  JOIN targets t ON t.target_id = r.target_id;

CREATE TABLE checkouts (
  checkout_id INTEGER PRIMARY KEY,
  path TEXT NOT NULL UNIQUE,
  first_seen_at INTEGER NOT NULL
) STRICT;

CREATE TABLE conflicts (
  event_id TEXT NOT NULL,
  incoming_sha256 TEXT NOT NULL,
  existing_sha256 TEXT NOT NULL,
  incoming BLOB NOT NULL,
  source TEXT NOT NULL,
  noted_at INTEGER NOT NULL,
  PRIMARY KEY (event_id, incoming_sha256)
) STRICT;

CREATE TABLE delivered_before (
  place_id INTEGER NOT NULL REFERENCES history_places (place_id),
  seq INTEGER NOT NULL REFERENCES events (seq),
  outcome INTEGER NOT NULL CHECK (outcome IN (1, 2)),
  delivered_at INTEGER,
  PRIMARY KEY (place_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE delivery_counts (
  gen_id INTEGER NOT NULL REFERENCES generations (gen_id),
  state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 5),
  n INTEGER NOT NULL CHECK (n >= 0),
  PRIMARY KEY (gen_id, state)
) STRICT, WITHOUT ROWID;

CREATE TABLE discards (
  type TEXT PRIMARY KEY,
  family INTEGER NOT NULL CHECK (family BETWEEN 1 AND 4),
  n INTEGER NOT NULL CHECK (n > 0),
  last_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE dossiers (
  dossier_id INTEGER PRIMARY KEY,
  checkout_id INTEGER NOT NULL REFERENCES checkouts (checkout_id),
  mission_slug TEXT NOT NULL,
  target_branch TEXT NOT NULL,
  mission_type TEXT NOT NULL,
  manifest_version TEXT NOT NULL,
  -- What the last captured snapshot and drift said, so that an unchanged mission says nothing again.
  snapshot TEXT,
  drift TEXT,
  indexed_at INTEGER NOT NULL,
  UNIQUE (checkout_id, mission_slug, target_branch, mission_type, manifest_version)
) STRICT;

CREATE TABLE drains (
  route_id INTEGER PRIMARY KEY REFERENCES routes (route_id),
  fence INTEGER NOT NULL,
  owner_pid INTEGER,
  owner_started TEXT,
  owner_boot TEXT,
  expires_at INTEGER
) STRICT;

CREATE TABLE dropped_facts (
  seq INTEGER PRIMARY KEY REFERENCES events (seq),
  digest BLOB NOT NULL CHECK (length(digest) = 32)
) STRICT;

CREATE TABLE event_deliveries (
  gen_id INTEGER NOT NULL REFERENCES generations (gen_id),
  seq INTEGER NOT NULL REFERENCES events (seq),
  route_id INTEGER NOT NULL REFERENCES routes (route_id),
  state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 5),
  reason TEXT,
  outcome INTEGER CHECK (outcome BETWEEN 1 AND 6),
  attempts INTEGER NOT NULL DEFAULT 0,
  due_at INTEGER NOT NULL DEFAULT 0,
  live_route INTEGER GENERATED ALWAYS AS (CASE state WHEN 1 THEN route_id END) VIRTUAL
    REFERENCES grants (route_id),
  PRIMARY KEY (gen_id, seq),
  CHECK (state NOT IN (1, 2) OR reason IS NULL),
  CHECK (state NOT IN (3, 4, 5) OR reason IS NOT NULL),
  CHECK (state <> 5 OR reason IN ('revoked', 'dropped', 'replaced', 'unknown_checkout'))
) STRICT, WITHOUT ROWID;

CREATE INDEX event_deliveries_aside ON event_deliveries (route_id, state, gen_id, seq) WHERE state IN (3, 5);

CREATE INDEX event_deliveries_due ON event_deliveries (gen_id, seq) WHERE state = 1;

CREATE INDEX event_deliveries_live ON event_deliveries (live_route) WHERE live_route IS NOT NULL;

CREATE INDEX event_deliveries_superseded ON event_deliveries (seq) WHERE state = 4;

CREATE INDEX event_deliveries_tried ON event_deliveries (gen_id, attempts, outcome, due_at)
  WHERE state = 1 AND attempts > 0;

CREATE TRIGGER event_deliveries_final BEFORE UPDATE OF state ON event_deliveries
  WHEN OLD.state = 2 AND NEW.state <> 2
  BEGIN SELECT RAISE (ABORT, 'delivered is final'); END;

CREATE TRIGGER event_deliveries_no_delete BEFORE DELETE ON event_deliveries
  BEGIN SELECT RAISE (ABORT, 'the history of a delivery stays'); END;

CREATE TRIGGER event_deliveries_no_replace BEFORE INSERT ON event_deliveries
  WHEN EXISTS (SELECT 1 FROM event_deliveries WHERE gen_id = NEW.gen_id AND seq = NEW.seq)
  BEGIN SELECT RAISE (ABORT, 'the history of a delivery stays'); END;

CREATE VIEW event_deliveries_for_people AS
  SELECT d.gen_id, d.seq, e.event_id, e.type, t.canonical_url,
    CASE d.state WHEN 1 THEN 'queued' WHEN 2 THEN 'delivered' WHEN 3 THEN 'parked'
      WHEN 4 THEN 'superseded' ELSE 'withheld' END AS state,
    d.reason,
    CASE d.outcome WHEN 1 THEN 'success' WHEN 2 THEN 'duplicate' WHEN 3 THEN 'pending'
      WHEN 4 THEN 'rejected' WHEN 5 THEN 'transient' WHEN 6 THEN 'terminal_failed' END AS outcome,
    d.attempts, d.due_at
  FROM event_deliveries d
  JOIN events e ON e.seq = d.seq
  JOIN routes r ON r.route_id = d.route_id
  JOIN targets t ON t.target_id = r.target_id;

CREATE TABLE event_payloads (
  seq INTEGER PRIMARY KEY REFERENCES events (seq),
  payload BLOB NOT NULL
) STRICT;

CREATE TRIGGER payloads_leave_by_gc BEFORE DELETE ON event_payloads
  WHEN NOT EXISTS (SELECT 1 FROM gc_permits WHERE gc_permits.seq = OLD.seq)
  BEGIN SELECT RAISE (ABORT, 'a payload is dropped by gc alone'); END;

CREATE TRIGGER payloads_no_replace BEFORE INSERT ON event_payloads
  WHEN EXISTS (SELECT 1 FROM event_payloads WHERE seq = NEW.seq)
  BEGIN SELECT RAISE (ABORT, 'a payload is immutable'); END;

CREATE TRIGGER payloads_no_update BEFORE UPDATE ON event_payloads
  BEGIN SELECT RAISE (ABORT, 'a payload is immutable'); END;

CREATE TRIGGER payloads_of_right_length BEFORE INSERT ON event_payloads
  WHEN length(NEW.payload) <> (SELECT bytes FROM events WHERE seq = NEW.seq)
  BEGIN SELECT RAISE (ABORT, 'the payload length differs from the journal'); END;

CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  event_id TEXT NOT NULL UNIQUE,
  project_id TEXT NOT NULL REFERENCES store (project_id),
  checkout_id INTEGER REFERENCES checkouts (checkout_id),
  origin INTEGER NOT NULL CHECK (origin BETWEEN 1 AND 4),
  type TEXT NOT NULL,
  family INTEGER NOT NULL CHECK (family BETWEEN 1 AND 4),
  eligible INTEGER NOT NULL CHECK (eligible IN (0, 1)),
  aggregate_type TEXT NOT NULL,
  aggregate_id TEXT NOT NULL,
  mission TEXT,
  coalesce_key TEXT,
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  bytes INTEGER NOT NULL CHECK (bytes > 0),
  occurred_at INTEGER NOT NULL,
  captured_at INTEGER NOT NULL
) STRICT;

CREATE INDEX events_by_key ON events (coalesce_key, seq) WHERE coalesce_key IS NOT NULL;

CREATE INDEX events_ineligible ON events (seq) WHERE eligible = 0;

CREATE TRIGGER events_no_delete BEFORE DELETE ON events
  BEGIN SELECT RAISE (ABORT, 'the journal is immutable'); END;

CREATE TRIGGER events_no_replace BEFORE INSERT ON events
  WHEN EXISTS (SELECT 1 FROM events WHERE event_id = NEW.event_id)
    OR EXISTS (SELECT 1 FROM events WHERE seq = NEW.seq)
  BEGIN SELECT RAISE (IGNORE); END;

CREATE TRIGGER events_no_update BEFORE UPDATE ON events
  BEGIN SELECT RAISE (ABORT, 'the journal is immutable'); END;

CREATE TABLE gc_permits (
  seq INTEGER PRIMARY KEY REFERENCES events (seq),
  reason TEXT NOT NULL,
  permitted_at INTEGER NOT NULL
) STRICT;

CREATE TABLE generations (
  gen_id INTEGER PRIMARY KEY,
  route_id INTEGER NOT NULL REFERENCES routes (route_id),
  stream INTEGER NOT NULL CHECK (stream BETWEEN 1 AND 3),
  kind INTEGER NOT NULL CHECK (kind IN (1, 2)),
  number INTEGER NOT NULL,
  from_seq INTEGER NOT NULL,
  next_seq INTEGER NOT NULL CHECK (next_seq >= from_seq),
  -- The highest item that was ever part of a batch: from here down nothing may be superseded.
  sent_seq INTEGER NOT NULL DEFAULT 0,
  skipped_ineligible INTEGER NOT NULL DEFAULT 0,
  skipped_dropped INTEGER NOT NULL DEFAULT 0,
  planned INTEGER NOT NULL DEFAULT 0,
  instance_id TEXT,
  opened_at INTEGER NOT NULL,
  closed_at INTEGER,
  UNIQUE (route_id, stream, number)
) STRICT;

CREATE UNIQUE INDEX generations_one_follow ON generations (route_id, stream)
  WHERE kind = 1 AND closed_at IS NULL;

CREATE TABLE grant_checkouts (
  route_id INTEGER NOT NULL REFERENCES grants (route_id) ON DELETE CASCADE,
  checkout_id INTEGER NOT NULL REFERENCES checkouts (checkout_id),
  granted_at INTEGER NOT NULL,
  PRIMARY KEY (route_id, checkout_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE grant_log (
  entry_id INTEGER PRIMARY KEY,
  route_id INTEGER NOT NULL REFERENCES routes (route_id),
  what TEXT NOT NULL CHECK (what IN ('granted', 'revoked', 'covered', 'claimed')),
  detail TEXT NOT NULL,
  logged_at INTEGER NOT NULL
) STRICT;

CREATE TABLE grants (
  route_id INTEGER PRIMARY KEY REFERENCES routes (route_id),
  granted_at INTEGER NOT NULL,
  granted_by TEXT NOT NULL
) STRICT;

CREATE TABLE history_places (
  place_id INTEGER PRIMARY KEY,
  url_hash TEXT NOT NULL,
  team_slug TEXT NOT NULL,
  user_email TEXT NOT NULL,
  UNIQUE (url_hash, team_slug, user_email)
) STRICT;

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

CREATE TABLE import_sources (
  source_id INTEGER PRIMARY KEY,
  path TEXT NOT NULL UNIQUE,
  digest TEXT NOT NULL,
  scope TEXT,
  first_seen_at INTEGER NOT NULL
) STRICT;

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

CREATE TABLE imported_files (
  checkout_id INTEGER NOT NULL REFERENCES checkouts (checkout_id),
  path TEXT NOT NULL,
  size INTEGER NOT NULL,
  modified_at REAL NOT NULL,
  inode INTEGER NOT NULL,
  lines INTEGER NOT NULL,
  bad_lines INTEGER NOT NULL,
  imported_at INTEGER NOT NULL,
  PRIMARY KEY (checkout_id, path)
) STRICT, WITHOUT ROWID;

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

CREATE TABLE indexed_files (
  dossier_id INTEGER NOT NULL REFERENCES dossiers (dossier_id),
  path TEXT NOT NULL,
  size INTEGER NOT NULL,
  modified_at REAL NOT NULL,
  changed_at REAL NOT NULL,
  inode INTEGER NOT NULL,
  sha256 TEXT,
  error TEXT,
  announced TEXT,
  skipped TEXT,
  PRIMARY KEY (dossier_id, path)
) STRICT, WITHOUT ROWID;

CREATE TABLE journal_head (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  node_id TEXT NOT NULL,
  lamport INTEGER NOT NULL CHECK (lamport >= 0),
  captured INTEGER NOT NULL CHECK (captured >= 0),
  ineligible INTEGER NOT NULL CHECK (ineligible >= 0)
) STRICT;

CREATE TABLE migrations (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL,
    breaking INTEGER NOT NULL CHECK (breaking IN (0, 1)), applied_at INTEGER NOT NULL) STRICT;

CREATE TABLE payloads_away (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  events INTEGER NOT NULL CHECK (events >= 0),
  bytes INTEGER NOT NULL CHECK (bytes >= 0),
  -- Those of them that lie in an archive.
  archived INTEGER NOT NULL CHECK (archived BETWEEN 0 AND events)
) STRICT;

CREATE TABLE provenance (
  seq INTEGER PRIMARY KEY REFERENCES events (seq),
  source TEXT NOT NULL,
  line INTEGER NOT NULL,
  stated_project_id TEXT
) STRICT;

CREATE TABLE quarantine (
  seq INTEGER PRIMARY KEY,
  reason TEXT NOT NULL CHECK (reason IN ('payload_damaged', 'payload_missing', 'event_missing')),
  noted_at INTEGER NOT NULL
) STRICT;

CREATE TABLE replays (
  gen_id INTEGER PRIMARY KEY REFERENCES generations (gen_id),
  to_seq INTEGER NOT NULL,
  mission TEXT,
  type TEXT,
  since_at INTEGER,
  until_at INTEGER
) STRICT;

CREATE TABLE route_streams (
  route_id INTEGER NOT NULL REFERENCES routes (route_id),
  stream INTEGER NOT NULL CHECK (stream BETWEEN 1 AND 3),
  failures INTEGER NOT NULL DEFAULT 0,
  due_at INTEGER NOT NULL DEFAULT 0,
  -- Set by a server's Retry-After, which even an operator's command waits for.
  retry_after_at INTEGER NOT NULL DEFAULT 0,
  last_error TEXT,
  last_attempt_at INTEGER,
  last_success_at INTEGER,
  PRIMARY KEY (route_id, stream)
) STRICT, WITHOUT ROWID;

CREATE TABLE routes (
  route_id INTEGER PRIMARY KEY,
  target_id INTEGER NOT NULL UNIQUE REFERENCES targets (target_id),
  created_at INTEGER NOT NULL,
  blocked_reason TEXT,
  blocked_detail TEXT,
  blocked_at INTEGER
, blocked_remedy TEXT) STRICT;

CREATE TABLE snapshot_deliveries (
  gen_id INTEGER NOT NULL REFERENCES generations (gen_id),
  seq INTEGER NOT NULL REFERENCES snapshots (seq),
  route_id INTEGER NOT NULL REFERENCES routes (route_id),
  state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 5),
  reason TEXT,
  outcome INTEGER CHECK (outcome BETWEEN 1 AND 6),
  attempts INTEGER NOT NULL DEFAULT 0,
  due_at INTEGER NOT NULL DEFAULT 0,
  live_route INTEGER GENERATED ALWAYS AS (CASE state WHEN 1 THEN route_id END) VIRTUAL
    REFERENCES grants (route_id),
  PRIMARY KEY (gen_id, seq),
  CHECK (state NOT IN (1, 2) OR reason IS NULL),
  CHECK (state NOT IN (3, 4, 5) OR reason IS NOT NULL),
  CHECK (state <> 5 OR reason IN ('revoked', 'dropped', 'replaced', 'unknown_checkout'))
) STRICT, WITHOUT ROWID;

CREATE INDEX snapshot_deliveries_aside ON snapshot_deliveries (route_id, state, gen_id, seq) WHERE state IN (3, 5);

CREATE INDEX snapshot_deliveries_due ON snapshot_deliveries (gen_id, seq) WHERE state = 1;

CREATE INDEX snapshot_deliveries_live ON snapshot_deliveries (live_route) WHERE live_route IS NOT NULL;

CREATE INDEX snapshot_deliveries_tried ON snapshot_deliveries (gen_id, attempts, outcome, due_at)
  WHERE state = 1 AND attempts > 0;

CREATE TRIGGER snapshot_deliveries_final BEFORE UPDATE OF state ON snapshot_deliveries
  WHEN OLD.state = 2 AND NEW.state <> 2
  BEGIN SELECT RAISE (ABORT, 'delivered is final'); END;

CREATE TRIGGER snapshot_deliveries_no_delete BEFORE DELETE ON snapshot_deliveries
  BEGIN SELECT RAISE (ABORT, 'the history of a delivery stays'); END;

CREATE TRIGGER snapshot_deliveries_no_replace BEFORE INSERT ON snapshot_deliveries
  WHEN EXISTS (SELECT 1 FROM snapshot_deliveries WHERE gen_id = NEW.gen_id AND seq = NEW.seq)
  BEGIN SELECT RAISE (ABORT, 'the history of a delivery stays'); END;

CREATE VIEW snapshot_deliveries_for_people AS
  SELECT d.gen_id, d.seq, s.provider, s.workspace, s.resource_id, s.idempotency_key, s.sha256, t.canonical_url,
    CASE d.state WHEN 1 THEN 'queued' WHEN 2 THEN 'delivered' WHEN 3 THEN 'parked'
      WHEN 4 THEN 'superseded' ELSE 'withheld' END AS state,
    d.reason,
    CASE d.outcome WHEN 1 THEN 'success' WHEN 2 THEN 'duplicate' WHEN 3 THEN 'pending'
      WHEN 4 THEN 'rejected' WHEN 5 THEN 'transient' WHEN 6 THEN 'terminal_failed' END AS outcome,
    d.attempts, d.due_at
  FROM snapshot_deliveries d
  JOIN snapshots s ON s.seq = d.seq
  JOIN routes r ON r.route_id = d.route_id
  JOIN targets t ON t.target_id = r.target_id;

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

CREATE TRIGGER snapshots_no_delete BEFORE DELETE ON snapshots
  BEGIN SELECT RAISE (ABORT, 'a snapshot is immutable'); END;

CREATE TRIGGER snapshots_no_replace BEFORE INSERT ON snapshots
  WHEN EXISTS (SELECT 1 FROM snapshots WHERE seq = NEW.seq)
  BEGIN SELECT RAISE (ABORT, 'a snapshot is immutable'); END;

CREATE TRIGGER snapshots_no_update BEFORE UPDATE ON snapshots
  BEGIN SELECT RAISE (ABORT, 'a snapshot is immutable'); END;

CREATE TABLE store (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  project_id TEXT NOT NULL UNIQUE,
  -- Grows when the store was found rolled back, so that a sequence number is never used twice at a receiver.
  epoch INTEGER NOT NULL DEFAULT 1 CHECK (epoch >= 1),
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE target_headers (
  target_id INTEGER NOT NULL REFERENCES targets (target_id),
  name TEXT NOT NULL,
  env_var TEXT NOT NULL,
  PRIMARY KEY (target_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE target_sightings (
  sighting_id INTEGER PRIMARY KEY,
  target_id INTEGER NOT NULL REFERENCES targets (target_id),
  instance_id TEXT,
  deployment_id TEXT,
  environment_name TEXT,
  git_sha TEXT,
  seen_at INTEGER NOT NULL
) STRICT;

CREATE INDEX target_sightings_of ON target_sightings (target_id, sighting_id);

CREATE TABLE targets (
  target_id INTEGER PRIMARY KEY,
  public_id TEXT NOT NULL UNIQUE,
  kind INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 3),
  canonical_url TEXT NOT NULL,
  url_hash TEXT NOT NULL,
  team_slug TEXT NOT NULL,
  user_email TEXT NOT NULL,
  -- The URL as the operator gave it; the identity is the canonical one.
  post_url TEXT NOT NULL,
  allow_http INTEGER NOT NULL DEFAULT 0 CHECK (allow_http IN (0, 1)),
  server_instance_id TEXT,
  deployment_id TEXT,
  environment_name TEXT,
  git_sha TEXT,
  max_batch_events INTEGER,
  max_batch_bytes INTEGER,
  max_concurrent_batches INTEGER,
  accepts_brotli INTEGER NOT NULL DEFAULT 0 CHECK (accepts_brotli IN (0, 1)),
  first_seen_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL,
  retired_at INTEGER, accepts_bodies INTEGER NOT NULL DEFAULT 0 CHECK (accepts_bodies IN (0, 1)), accepts_snapshots INTEGER NOT NULL DEFAULT 0 CHECK (accepts_snapshots IN (0, 1)),
  UNIQUE (url_hash, team_slug, user_email)
) STRICT;

CREATE TABLE tracker_checkpoints (
  binding_id INTEGER PRIMARY KEY REFERENCES bindings (binding_id),
  cursor TEXT,
  updated_since TEXT,
  newest TEXT
) STRICT;

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

CREATE TABLE uploads (
  seq INTEGER PRIMARY KEY,
  project_id TEXT NOT NULL REFERENCES store (project_id),
  checkout_id INTEGER REFERENCES checkouts (checkout_id),
  -- The event that announces it; null for a row of an old queue whose event is unknown.
  index_seq INTEGER REFERENCES events (seq),
  eligible INTEGER NOT NULL CHECK (eligible IN (0, 1)),
  origin TEXT NOT NULL CHECK (origin IN ('prepare', 'legacy')),
  mission_slug TEXT NOT NULL CHECK (mission_slug <> ''),
  target_branch TEXT NOT NULL CHECK (target_branch <> ''),
  mission_type TEXT NOT NULL CHECK (mission_type <> ''),
  manifest_version TEXT NOT NULL CHECK (manifest_version <> ''),
  artifact_path TEXT NOT NULL CHECK (artifact_path <> ''),
  sha256 TEXT NOT NULL,
  bytes INTEGER NOT NULL CHECK (bytes > 0),
  created_at INTEGER NOT NULL,
  -- How far an old queue had got with it; zero for our own.
  retry_count INTEGER NOT NULL DEFAULT 0 CHECK (retry_count >= 0),
  due_at INTEGER NOT NULL DEFAULT 0 CHECK (due_at >= 0),
  UNIQUE (project_id, mission_slug, target_branch, mission_type, manifest_version, artifact_path, sha256)
) STRICT;

CREATE INDEX uploads_by_index ON uploads (index_seq) WHERE index_seq IS NOT NULL;

CREATE INDEX uploads_ineligible ON uploads (seq) WHERE eligible = 0;

CREATE TRIGGER uploads_have_their_text BEFORE INSERT ON uploads
  WHEN NOT EXISTS (SELECT 1 FROM blobs b WHERE b.sha256 = NEW.sha256 AND b.bytes = NEW.bytes)
  BEGIN SELECT RAISE (ABORT, 'the text of an upload is stored before it'); END;

CREATE TRIGGER uploads_no_delete BEFORE DELETE ON uploads
  BEGIN SELECT RAISE (ABORT, 'an upload is immutable'); END;

CREATE TRIGGER uploads_no_replace BEFORE INSERT ON uploads
  WHEN EXISTS (SELECT 1 FROM uploads WHERE seq = NEW.seq)
    OR EXISTS (
      SELECT 1 FROM uploads u
      WHERE u.project_id = NEW.project_id AND u.mission_slug = NEW.mission_slug
        AND u.target_branch = NEW.target_branch AND u.mission_type = NEW.mission_type
        AND u.manifest_version = NEW.manifest_version AND u.artifact_path = NEW.artifact_path
        AND u.sha256 = NEW.sha256
    )
  BEGIN SELECT RAISE (IGNORE); END;

CREATE TRIGGER uploads_no_update BEFORE UPDATE ON uploads
  BEGIN SELECT RAISE (ABORT, 'an upload is immutable'); END;

CREATE VIEW waiting_since AS
  SELECT f.route_id, f.stream, coalesce(
    (SELECT e.captured_at FROM event_deliveries d INDEXED BY event_deliveries_due
     JOIN events e ON e.seq = d.seq
     WHERE d.gen_id = f.gen_id AND d.state = 1 ORDER BY d.seq LIMIT 1),
    (SELECT e.captured_at FROM events e WHERE e.seq >= f.next_seq AND e.eligible = 1
     ORDER BY e.seq LIMIT 1)) AS since
  FROM grants g
  JOIN generations f ON f.route_id = g.route_id AND f.stream = 1 AND f.kind = 1 AND f.closed_at IS NULL
  UNION ALL
  SELECT f.route_id, f.stream, coalesce(
    (SELECT u.created_at FROM body_deliveries d INDEXED BY body_deliveries_due
     JOIN uploads u ON u.seq = d.seq
     WHERE d.gen_id = f.gen_id AND d.state = 1 ORDER BY d.seq LIMIT 1),
    (SELECT u.created_at FROM uploads u WHERE u.seq >= f.next_seq AND u.eligible = 1
     ORDER BY u.seq LIMIT 1))
  FROM grants g
  JOIN routes r ON r.route_id = g.route_id
  JOIN targets t ON t.target_id = r.target_id AND (t.kind <> 2 OR t.accepts_bodies = 1)
  JOIN generations f ON f.route_id = g.route_id AND f.stream = 2 AND f.kind = 1 AND f.closed_at IS NULL
  UNION ALL
  SELECT f.route_id, f.stream, coalesce(
    (SELECT s.created_at FROM snapshot_deliveries d INDEXED BY snapshot_deliveries_due
     JOIN snapshots s ON s.seq = d.seq
     WHERE d.gen_id = f.gen_id AND d.state = 1 ORDER BY d.seq LIMIT 1),
    (SELECT s.created_at FROM snapshots s WHERE s.seq >= f.next_seq AND s.eligible = 1
     ORDER BY s.seq LIMIT 1))
  FROM grants g
  JOIN routes r ON r.route_id = g.route_id
  JOIN targets t ON t.target_id = r.target_id AND (t.kind <> 2 OR t.accepts_snapshots = 1)
  JOIN generations f ON f.route_id = g.route_id AND f.stream = 3 AND f.kind = 1 AND f.closed_at IS NULL;


-- This machine: <home>/machine.db

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

CREATE TABLE endpoints (
  origin TEXT PRIMARY KEY,
  failures INTEGER NOT NULL DEFAULT 0,
  open_until_at INTEGER NOT NULL DEFAULT 0,
  last_error TEXT,
  last_checked_at INTEGER NOT NULL,
  last_success_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE marks (
  project_id TEXT PRIMARY KEY,
  epoch INTEGER NOT NULL CHECK (epoch >= 1),
  last_seq INTEGER NOT NULL CHECK (last_seq >= 0),
  -- The event at that position; another one there is another history.
  last_event_id TEXT,
  seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE migrations (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL,
    breaking INTEGER NOT NULL CHECK (breaking IN (0, 1)), applied_at INTEGER NOT NULL) STRICT;

CREATE TABLE projects (
  project_id TEXT PRIMARY KEY,
  slug TEXT,
  root TEXT NOT NULL,
  last_seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE refreshes (
  origin TEXT PRIMARY KEY,
  fence INTEGER NOT NULL CHECK (fence >= 0),
  owner_pid INTEGER,
  owner_started TEXT,
  owner_boot TEXT,
  expires_at INTEGER
) STRICT, WITHOUT ROWID;

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


-- What belongs to no project: <home>/unassigned.db

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

CREATE TABLE import_sources (
  source_id INTEGER PRIMARY KEY,
  path TEXT NOT NULL UNIQUE,
  digest TEXT NOT NULL,
  scope TEXT,
  first_seen_at INTEGER NOT NULL
) STRICT;

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

CREATE TABLE migrations (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL,
    breaking INTEGER NOT NULL CHECK (breaking IN (0, 1)), applied_at INTEGER NOT NULL) STRICT;

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


-- A receiver

CREATE TABLE artifact_versions (
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  namespace_id TEXT NOT NULL,
  path TEXT NOT NULL,
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  size_bytes INTEGER,
  indexed_at INTEGER NOT NULL,
  stored_at INTEGER,
  PRIMARY KEY (team_id, project_id, namespace_id, path, sha256)
) STRICT;

CREATE TABLE artifacts (
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  namespace_id TEXT NOT NULL,
  path TEXT NOT NULL,
  artifact_class TEXT NOT NULL,
  artifact_key TEXT,
  required_status TEXT,
  sha256 TEXT CHECK (length(sha256) = 64),
  size_bytes INTEGER,
  occurred_at INTEGER NOT NULL,
  lamport INTEGER NOT NULL,
  event_id TEXT NOT NULL,
  PRIMARY KEY (team_id, project_id, namespace_id, path)
) STRICT;

CREATE TABLE attempts (
  subject TEXT PRIMARY KEY,
  count INTEGER NOT NULL,
  window_ends_at INTEGER NOT NULL
) STRICT;

CREATE TABLE audit (
  entry INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  team_id TEXT,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  previous TEXT NOT NULL UNIQUE CHECK (length(previous) = 64),
  hash TEXT NOT NULL UNIQUE CHECK (length(hash) = 64)
) STRICT;

CREATE INDEX audit_by_action ON audit (team_id, action, entry);

CREATE INDEX audit_by_actor ON audit (actor, action, subject, at);

CREATE INDEX audit_by_who ON audit (team_id, actor, entry);

CREATE INDEX audit_of_team ON audit (team_id, entry);

CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;

CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;

CREATE TABLE bodies (
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  received_at INTEGER NOT NULL,
  content BLOB NOT NULL,
  PRIMARY KEY (team_id, project_id, sha256)
) STRICT;

CREATE TABLE device_grants (
  device_hash TEXT PRIMARY KEY CHECK (length(device_hash) = 64),
  user_code_hash TEXT NOT NULL UNIQUE CHECK (length(user_code_hash) = 64),
  state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'spent')),
  team_id TEXT REFERENCES teams (team_id),
  user_id TEXT REFERENCES users (user_id),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  interval_s INTEGER NOT NULL,
  polled_at INTEGER
) STRICT;

CREATE INDEX device_grants_by_expiry ON device_grants (expires_at);

CREATE TABLE dossier_artifacts (
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  mission_slug TEXT NOT NULL,
  namespace_id TEXT NOT NULL,
  path TEXT NOT NULL,
  artifact_class TEXT NOT NULL,
  artifact_key TEXT NOT NULL,
  need TEXT NOT NULL CHECK (need IN ('required', 'optional', '')),
  is_present INTEGER NOT NULL,
  sha256 TEXT,
  reason TEXT NOT NULL,
  occurred_at INTEGER NOT NULL,
  lamport INTEGER NOT NULL,
  event_id TEXT NOT NULL,
  PRIMARY KEY (team_id, project_id, mission_slug, namespace_id, path)
) STRICT;

CREATE INDEX dossier_artifacts_required
  ON dossier_artifacts (team_id, project_id, mission_slug, namespace_id, path)
  WHERE need = 'required';

CREATE TABLE dossier_reports (
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  mission_slug TEXT NOT NULL,
  namespace_id TEXT NOT NULL,
  occurred_at INTEGER NOT NULL,
  lamport INTEGER NOT NULL,
  event_id TEXT NOT NULL,
  topic TEXT NOT NULL CHECK (topic IN ('snapshot', 'drift')),
  drift_kind TEXT NOT NULL,
  parity_hash TEXT NOT NULL,
  baseline_hash TEXT NOT NULL,
  completeness TEXT NOT NULL CHECK (completeness IN ('complete', 'incomplete', 'unknown')),
  artifacts INTEGER,
  required INTEGER,
  present INTEGER,
  PRIMARY KEY (team_id, project_id, mission_slug, namespace_id, occurred_at, lamport, event_id)
) STRICT;

CREATE TABLE dossiers (
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  mission_slug TEXT NOT NULL,
  namespace_id TEXT NOT NULL,
  target_branch TEXT NOT NULL,
  mission_type TEXT NOT NULL,
  manifest_version TEXT NOT NULL,
  occurred_at INTEGER NOT NULL,
  lamport INTEGER NOT NULL,
  event_id TEXT NOT NULL,
  completeness TEXT NOT NULL DEFAULT 'unknown' CHECK (completeness IN ('complete', 'incomplete', 'unknown')),
  required INTEGER,
  present INTEGER,
  drift TEXT NOT NULL DEFAULT 'none' CHECK (drift IN ('none', 'open', 'gone')),
  drift_at INTEGER,
  needs_look INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (team_id, project_id, mission_slug, namespace_id)
) STRICT;

CREATE INDEX dossiers_to_look_at ON dossiers (team_id, needs_look, project_id, mission_slug);

CREATE TABLE event_index (
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  occurred_at INTEGER NOT NULL,
  event_id TEXT NOT NULL,
  type TEXT NOT NULL,
  mission_slug TEXT NOT NULL,
  wp_id TEXT NOT NULL,
  node_id TEXT NOT NULL,
  -- Codes of what is odd about it, with a space between them.
  findings TEXT NOT NULL,
  PRIMARY KEY (team_id, project_id, occurred_at, event_id)
) STRICT;

CREATE INDEX event_index_of_mission ON event_index (team_id, project_id, mission_slug, occurred_at, event_id);

CREATE INDEX event_index_of_node ON event_index (team_id, project_id, node_id, occurred_at, event_id);

CREATE INDEX event_index_of_team ON event_index (team_id, occurred_at, event_id, project_id);

CREATE INDEX event_index_of_type ON event_index (team_id, project_id, type, occurred_at, event_id);

CREATE TABLE events (
  arrival INTEGER PRIMARY KEY AUTOINCREMENT,
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  event_id TEXT NOT NULL,
  type TEXT NOT NULL,
  aggregate_type TEXT NOT NULL,
  aggregate_id TEXT NOT NULL,
  category TEXT CHECK (category IN ('unknown_type', 'unvalidated')),
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  occurred_at INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  payload BLOB NOT NULL, erased_at INTEGER,
  UNIQUE (team_id, event_id, project_id)
) STRICT;

CREATE INDEX events_of_project ON events (team_id, project_id, arrival);

CREATE TABLE findings (
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  mission_slug TEXT NOT NULL,
  occurred_at INTEGER NOT NULL,
  event_id TEXT NOT NULL,
  code TEXT NOT NULL,
  detail TEXT NOT NULL, wp_id TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (team_id, project_id, mission_slug, occurred_at, event_id, code)
) STRICT;

CREATE INDEX findings_by_package ON findings (team_id, project_id, mission_slug, wp_id, occurred_at, event_id);

CREATE INDEX findings_of_code ON findings (team_id, project_id, code, occurred_at, event_id);

CREATE TABLE ingest_counts (
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  hour INTEGER NOT NULL,
  stream TEXT NOT NULL CHECK (stream IN ('batches', 'events', 'bodies', 'snapshots')),
  result TEXT NOT NULL,
  rule TEXT NOT NULL,
  count INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  PRIMARY KEY (team_id, project_id, hour, stream, result, rule)
) STRICT;

CREATE INDEX ingest_counts_by_hour ON ingest_counts (team_id, hour);

CREATE TABLE instance (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  server_instance_id TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE lane_changes (
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  mission_slug TEXT NOT NULL,
  occurred_at INTEGER NOT NULL,
  lamport INTEGER NOT NULL,
  event_id TEXT NOT NULL,
  wp_id TEXT NOT NULL,
  from_lane TEXT NOT NULL,
  to_lane TEXT NOT NULL,
  actor TEXT NOT NULL,
  PRIMARY KEY (team_id, project_id, mission_slug, occurred_at, lamport, event_id)
) STRICT;

CREATE INDEX lane_changes_by_package
  ON lane_changes (team_id, project_id, mission_slug, wp_id, occurred_at, lamport, event_id);

CREATE TABLE last_words (
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  mission_slug TEXT NOT NULL,
  wp_id TEXT NOT NULL,
  topic TEXT NOT NULL CHECK (topic IN ('type', 'title', 'lane')),
  value TEXT NOT NULL,
  occurred_at INTEGER NOT NULL,
  lamport INTEGER NOT NULL,
  event_id TEXT NOT NULL,
  PRIMARY KEY (team_id, project_id, mission_slug, wp_id, topic)
) STRICT;

CREATE TABLE memberships (
  team_id TEXT NOT NULL REFERENCES teams (team_id),
  user_id TEXT NOT NULL REFERENCES users (user_id),
  role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'read-only')),
  since_at INTEGER NOT NULL,
  PRIMARY KEY (team_id, user_id)
) STRICT;

CREATE INDEX memberships_of_user ON memberships (user_id);

CREATE TABLE migrations (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL,
    breaking INTEGER NOT NULL CHECK (breaking IN (0, 1)), applied_at INTEGER NOT NULL) STRICT;

CREATE TABLE missions (
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  mission_slug TEXT NOT NULL,
  events INTEGER NOT NULL,
  first_at INTEGER NOT NULL,
  last_at INTEGER NOT NULL,
  PRIMARY KEY (team_id, project_id, mission_slug)
) STRICT;

CREATE TABLE namespaces (
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  namespace_id TEXT NOT NULL,
  mission_slug TEXT NOT NULL,
  target_branch TEXT NOT NULL,
  mission_type TEXT NOT NULL,
  manifest_version TEXT NOT NULL,
  PRIMARY KEY (team_id, project_id, namespace_id)
) STRICT;

CREATE TABLE one_time_links (
  code_hash TEXT PRIMARY KEY CHECK (length(code_hash) = 64),
  user_id TEXT REFERENCES users (user_id),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at INTEGER
) STRICT;

CREATE TABLE producer_lags (
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  node_id TEXT NOT NULL,
  day TEXT NOT NULL,
  within_ms INTEGER NOT NULL,
  events INTEGER NOT NULL,
  most_ms INTEGER NOT NULL,
  PRIMARY KEY (team_id, project_id, node_id, day, within_ms)
) STRICT;

CREATE TABLE producer_runs (
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  node_id TEXT NOT NULL,
  first_lamport INTEGER NOT NULL,
  last_lamport INTEGER NOT NULL,
  PRIMARY KEY (team_id, project_id, node_id, first_lamport)
) STRICT;

CREATE TABLE producers (
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  node_id TEXT NOT NULL,
  events INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL,
  last_event_at INTEGER NOT NULL, last_lag_ms INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (team_id, project_id, node_id)
) STRICT;

CREATE INDEX producers_by_project ON producers (team_id, project_id, last_seen_at, node_id);

CREATE INDEX producers_by_team ON producers (team_id, last_seen_at);

CREATE TABLE projects (
  team_id TEXT NOT NULL REFERENCES teams (team_id),
  project_id TEXT NOT NULL,
  claimed_by TEXT NOT NULL,
  claimed_at INTEGER NOT NULL,
  PRIMARY KEY (team_id, project_id)
) STRICT;

CREATE TABLE refresh_tokens (
  token_hash TEXT PRIMARY KEY CHECK (length(token_hash) = 64),
  session_id TEXT NOT NULL REFERENCES sessions (session_id),
  generation INTEGER NOT NULL,
  issued_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at INTEGER,
  used_nonce TEXT,
  UNIQUE (session_id, generation)
) STRICT;

CREATE TABLE resource_mappings (
  team_id TEXT NOT NULL,
  provider TEXT NOT NULL,
  workspace TEXT NOT NULL,
  resource_type TEXT NOT NULL,
  resource_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  set_at INTEGER NOT NULL,
  PRIMARY KEY (team_id, provider, workspace, resource_type, resource_id),
  CHECK ((resource_type = '') = (resource_id = ''))
) STRICT;

CREATE TABLE sessions (
  session_id TEXT PRIMARY KEY,
  team_id TEXT NOT NULL REFERENCES teams (team_id),
  user_id TEXT NOT NULL REFERENCES users (user_id),
  kind TEXT NOT NULL CHECK (kind IN ('password', 'device', 'browser')),
  secret_hash TEXT UNIQUE CHECK (length(secret_hash) = 64),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  revoked_at INTEGER,
  revoked_for TEXT
) STRICT;

CREATE INDEX sessions_of_user ON sessions (user_id);

CREATE TABLE signing_keys (
  key_id TEXT PRIMARY KEY,
  private_key TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  retired_at INTEGER
) STRICT;

CREATE TABLE sqlite_sequence(name,seq);

CREATE TABLE tallies (
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  topic TEXT NOT NULL CHECK (topic IN ('day', 'type', 'finding')),
  name TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (team_id, project_id, topic, name)
) STRICT;

CREATE INDEX tallies_by_name ON tallies (team_id, topic, name);

CREATE TABLE team_quotas (
  team_id TEXT PRIMARY KEY,
  max_bytes INTEGER NOT NULL CHECK (max_bytes >= 0),
  used_bytes INTEGER NOT NULL,
  set_at INTEGER NOT NULL
) STRICT;

CREATE TABLE teams (
  team_id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  private_of TEXT UNIQUE REFERENCES users (user_id),
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE token_projects (
  token_id TEXT NOT NULL REFERENCES tokens (token_id),
  project_id TEXT NOT NULL,
  PRIMARY KEY (token_id, project_id)
) STRICT;

CREATE TABLE tokens (
  token_id TEXT PRIMARY KEY,
  team_id TEXT NOT NULL,
  prefix TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE CHECK (length(hash) = 64),
  name TEXT NOT NULL,
  scope TEXT NOT NULL CHECK (scope IN ('ingest', 'read')),
  all_projects INTEGER NOT NULL CHECK (all_projects IN (0, 1)),
  created_at INTEGER NOT NULL,
  last_used_at INTEGER,
  revoked_at INTEGER
, expires_at INTEGER) STRICT;

CREATE INDEX tokens_by_prefix ON tokens (prefix);

CREATE INDEX tokens_live ON tokens (team_id) WHERE revoked_at IS NULL;

CREATE INDEX tokens_of_team ON tokens (team_id, created_at);

CREATE TABLE tracker_snapshots (
  arrival INTEGER PRIMARY KEY AUTOINCREMENT,
  team_id TEXT NOT NULL,
  project_id TEXT,
  provider TEXT NOT NULL,
  workspace TEXT NOT NULL,
  resource_type TEXT NOT NULL,
  resource_id TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  doctrine_mode TEXT,
  issues INTEGER NOT NULL,
  mappings INTEGER NOT NULL,
  turn INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  payload BLOB NOT NULL,
  UNIQUE (team_id, idempotency_key, sha256),
  -- Both or neither, as on the wire; neither is two empty texts.
  CHECK ((resource_type = '') = (resource_id = ''))
) STRICT;

CREATE INDEX tracker_snapshots_in_turn ON tracker_snapshots (team_id, turn);

CREATE INDEX tracker_snapshots_of_resource
  ON tracker_snapshots (team_id, provider, workspace, resource_type, resource_id, turn);

CREATE TABLE users (
  user_id TEXT PRIMARY KEY,
  email TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  password TEXT,
  created_at INTEGER NOT NULL,
  disabled_at INTEGER
) STRICT;

CREATE TABLE view_cursors (
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  arrival INTEGER NOT NULL,
  PRIMARY KEY (team_id, project_id)
) STRICT;
