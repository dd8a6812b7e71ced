-- owner: journal
-- breaking: no

-- What a payload stated that was dropped by command, as a digest (src/journal/conflicts.ts): an id that comes again
-- is still told from another fact under the same id. Goes when the payload comes back.
CREATE TABLE dropped_facts (
  seq INTEGER PRIMARY KEY REFERENCES events (seq),
  digest BLOB NOT NULL CHECK (length(digest) = 32)
) STRICT;
