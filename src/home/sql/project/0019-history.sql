-- owner: delivery
-- breaking: no
-- What an earlier program had delivered before this journal took its events over.

CREATE TABLE history_places (
  place_id INTEGER PRIMARY KEY,
  url_hash TEXT NOT NULL,
  team_slug TEXT NOT NULL,
  user_email TEXT NOT NULL,
  UNIQUE (url_hash, team_slug, user_email)
) STRICT;

-- Read when the first pass over the journal opens an event for the target with the same identity.
CREATE TABLE delivered_before (
  place_id INTEGER NOT NULL REFERENCES history_places (place_id),
  seq INTEGER NOT NULL REFERENCES events (seq),
  outcome INTEGER NOT NULL CHECK (outcome IN (1, 2)),
  delivered_at INTEGER,
  PRIMARY KEY (place_id, seq)
) STRICT, WITHOUT ROWID;
