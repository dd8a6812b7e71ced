-- owner: delivery
-- breaking: no
-- What became of each body at each target, and which targets take bodies at all.

ALTER TABLE targets ADD COLUMN accepts_bodies INTEGER NOT NULL DEFAULT 0 CHECK (accepts_bodies IN (0, 1));

-- Like event_deliveries, for uploads.
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
CREATE INDEX body_deliveries_live ON body_deliveries (live_route) WHERE live_route IS NOT NULL;
CREATE INDEX body_deliveries_due ON body_deliveries (gen_id, seq) WHERE state = 1;
CREATE INDEX body_deliveries_tried ON body_deliveries (gen_id, attempts, outcome, due_at)
  WHERE state = 1 AND attempts > 0;
CREATE INDEX body_deliveries_aside ON body_deliveries (route_id, state, gen_id, seq) WHERE state IN (3, 5);
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

-- A permission given before there were bodies covers them as well.
INSERT INTO generations (route_id, stream, kind, number, from_seq, next_seq, opened_at)
  SELECT route_id, 2, 1, 1, 1, 1, granted_at FROM grants;
