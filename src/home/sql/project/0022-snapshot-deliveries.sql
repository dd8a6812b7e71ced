-- owner: delivery
-- breaking: no
-- What became of each snapshot at each target, and which targets take snapshots at all.

ALTER TABLE targets ADD COLUMN accepts_snapshots INTEGER NOT NULL DEFAULT 0 CHECK (accepts_snapshots IN (0, 1));

-- Like event_deliveries, for snapshots.
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
CREATE INDEX snapshot_deliveries_live ON snapshot_deliveries (live_route) WHERE live_route IS NOT NULL;
CREATE INDEX snapshot_deliveries_due ON snapshot_deliveries (gen_id, seq) WHERE state = 1;
CREATE INDEX snapshot_deliveries_tried ON snapshot_deliveries (gen_id, attempts, outcome, due_at)
  WHERE state = 1 AND attempts > 0;
CREATE INDEX snapshot_deliveries_aside ON snapshot_deliveries (route_id, state, gen_id, seq) WHERE state IN (3, 5);
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

-- A permission given before there were snapshots covers them as well.
INSERT INTO generations (route_id, stream, kind, number, from_seq, next_seq, opened_at)
  SELECT route_id, 3, 1, 1, 1, 1, granted_at FROM grants;

-- Snapshots too wait only for targets that take them.
DROP VIEW waiting_since;
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
