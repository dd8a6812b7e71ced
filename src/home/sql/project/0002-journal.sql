-- owner: journal
-- breaking: no
-- Facts in the order they were captured. Rows never change; payloads live beside them so that gc may drop one
-- and leave id, hash and history.

-- Counts are kept by the journal itself: one side of the conservation equation.
CREATE TABLE journal_head (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  node_id TEXT NOT NULL,
  lamport INTEGER NOT NULL CHECK (lamport >= 0),
  captured INTEGER NOT NULL CHECK (captured >= 0),
  ineligible INTEGER NOT NULL CHECK (ineligible >= 0)
) STRICT;

-- No AUTOINCREMENT: seq stays dense. `eligible` is decided at capture and never again.
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
CREATE TRIGGER events_no_update BEFORE UPDATE ON events
  BEGIN SELECT RAISE (ABORT, 'the journal is immutable'); END;
CREATE TRIGGER events_no_delete BEFORE DELETE ON events
  BEGIN SELECT RAISE (ABORT, 'the journal is immutable'); END;

-- REPLACE deletes without any delete trigger. Passed over in silence, because that is what capture asks for when
-- it meets a known id.
CREATE TRIGGER events_no_replace BEFORE INSERT ON events
  WHEN EXISTS (SELECT 1 FROM events WHERE event_id = NEW.event_id)
    OR EXISTS (SELECT 1 FROM events WHERE seq = NEW.seq)
  BEGIN SELECT RAISE (IGNORE); END;

CREATE TABLE event_payloads (
  seq INTEGER PRIMARY KEY REFERENCES events (seq),
  payload BLOB NOT NULL
) STRICT;
CREATE TABLE gc_permits (
  seq INTEGER PRIMARY KEY REFERENCES events (seq),
  reason TEXT NOT NULL,
  permitted_at INTEGER NOT NULL
) STRICT;
CREATE TRIGGER payloads_no_update BEFORE UPDATE ON event_payloads
  BEGIN SELECT RAISE (ABORT, 'a payload is immutable'); END;
CREATE TRIGGER payloads_no_replace BEFORE INSERT ON event_payloads
  WHEN EXISTS (SELECT 1 FROM event_payloads WHERE seq = NEW.seq)
  BEGIN SELECT RAISE (ABORT, 'a payload is immutable'); END;
CREATE TRIGGER payloads_of_right_length BEFORE INSERT ON event_payloads
  WHEN length(NEW.payload) <> (SELECT bytes FROM events WHERE seq = NEW.seq)
  BEGIN SELECT RAISE (ABORT, 'the payload length differs from the journal'); END;
CREATE TRIGGER payloads_leave_by_gc BEFORE DELETE ON event_payloads
  WHEN NOT EXISTS (SELECT 1 FROM gc_permits WHERE gc_permits.seq = OLD.seq)
  BEGIN SELECT RAISE (ABORT, 'a payload is dropped by gc alone'); END;

-- Where an imported fact was read, and the project its line named when that was another one.
CREATE TABLE provenance (
  seq INTEGER PRIMARY KEY REFERENCES events (seq),
  source TEXT NOT NULL,
  line INTEGER NOT NULL,
  stated_project_id TEXT
) STRICT;

-- A known id that came again with another fact: the first is kept in the journal, the other one here.
CREATE TABLE conflicts (
  event_id TEXT NOT NULL,
  incoming_sha256 TEXT NOT NULL,
  existing_sha256 TEXT NOT NULL,
  incoming BLOB NOT NULL,
  source TEXT NOT NULL,
  noted_at INTEGER NOT NULL,
  PRIMARY KEY (event_id, incoming_sha256)
) STRICT;
