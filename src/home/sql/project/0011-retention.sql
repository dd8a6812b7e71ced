-- owner: journal
-- breaking: no
-- What left the store by command, and what was found damaged in it.

-- Payloads that are away now. Kept by whoever drops and restores, in the same transaction, so that status need not
-- count.
CREATE TABLE payloads_away (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  events INTEGER NOT NULL CHECK (events >= 0),
  bytes INTEGER NOT NULL CHECK (bytes >= 0),
  -- Those of them that lie in an archive.
  archived INTEGER NOT NULL CHECK (archived BETWEEN 0 AND events)
) STRICT;
INSERT INTO payloads_away (one, events, bytes, archived) VALUES (1, 0, 0, 0);

-- Files that were written and read back before the payloads in them were dropped. `digest` is over the hashes of
-- the events in them, in order. A permit of theirs has the reason `archive N`.
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

-- Positions whose event is not what was captured any more: never sent. Without a reference to `events`, because the
-- row itself may be what is lost.
CREATE TABLE quarantine (
  seq INTEGER PRIMARY KEY,
  reason TEXT NOT NULL CHECK (reason IN ('payload_damaged', 'payload_missing', 'event_missing')),
  noted_at INTEGER NOT NULL
) STRICT;
