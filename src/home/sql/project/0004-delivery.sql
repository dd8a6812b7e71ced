-- owner: delivery
-- breaking: no
-- Where facts may go, and what became of each of them there.

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
  retired_at INTEGER,
  UNIQUE (url_hash, team_slug, user_email)
) STRICT;

-- Which environment variable holds the value of which header. The value itself is never stored.
CREATE TABLE target_headers (
  target_id INTEGER NOT NULL REFERENCES targets (target_id),
  name TEXT NOT NULL,
  env_var TEXT NOT NULL,
  PRIMARY KEY (target_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE routes (
  route_id INTEGER PRIMARY KEY,
  target_id INTEGER NOT NULL UNIQUE REFERENCES targets (target_id),
  created_at INTEGER NOT NULL,
  blocked_reason TEXT,
  blocked_detail TEXT,
  blocked_at INTEGER
) STRICT;

-- How a stream of a route is doing: the backoff after failures of whole requests.
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

-- A row here is the permission to send. Revoking deletes it; grant_log remembers.
CREATE TABLE grants (
  route_id INTEGER PRIMARY KEY REFERENCES routes (route_id),
  granted_at INTEGER NOT NULL,
  granted_by TEXT NOT NULL
) STRICT;
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

-- The mode and route that `sync now` means when nobody names one.
CREATE TABLE active (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  mode TEXT NOT NULL,
  route_id INTEGER REFERENCES routes (route_id),
  set_at INTEGER NOT NULL
) STRICT;

-- One pass over the journal. follow: opened = next_seq - from_seq - skipped. replay: opened = planned.
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

-- States: 1 queued, 2 delivered, 3 parked, 4 superseded, 5 withheld. Outcomes: 1 success, 2 duplicate, 3 pending,
-- 4 rejected, 5 transient, 6 terminal_failed. `live_route` makes a queued row without a grant impossible.
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
CREATE INDEX event_deliveries_live ON event_deliveries (live_route) WHERE live_route IS NOT NULL;
CREATE INDEX event_deliveries_due ON event_deliveries (gen_id, seq) WHERE state = 1;
CREATE INDEX event_deliveries_aside ON event_deliveries (route_id, state, gen_id, seq) WHERE state IN (3, 5);
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

-- Kept by the ledger in the transaction that changes the deliveries: the other side of the equation.
CREATE TABLE delivery_counts (
  gen_id INTEGER NOT NULL REFERENCES generations (gen_id),
  state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 5),
  n INTEGER NOT NULL CHECK (n >= 0),
  PRIMARY KEY (gen_id, state)
) STRICT, WITHOUT ROWID;

-- Committed before any byte leaves, closed with the results.
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
CREATE INDEX batches_open ON batches (gen_id) WHERE ended_at IS NULL;

-- Tries that did not simply succeed, the last 50 of an item.
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

-- Who may commit results for a route: taken over when expired or its process is provably dead.
CREATE TABLE drains (
  route_id INTEGER PRIMARY KEY REFERENCES routes (route_id),
  fence INTEGER NOT NULL,
  owner_pid INTEGER,
  owner_started TEXT,
  owner_boot TEXT,
  expires_at INTEGER
) STRICT;
