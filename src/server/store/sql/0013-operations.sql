-- owner: server
-- breaking: no
-- What an operator took away, and how much a team may store.

-- The row stays with its id and hash, so that sending the event again does not bring it back. Its bytes are gone.
ALTER TABLE events ADD COLUMN erased_at {{integer}};

-- Teams without a row may store without limit. Bytes of events, texts and snapshots; counted while there is a limit.
CREATE TABLE team_quotas (
  team_id TEXT PRIMARY KEY,
  max_bytes {{integer}} NOT NULL CHECK (max_bytes >= 0),
  used_bytes {{integer}} NOT NULL,
  set_at {{integer}} NOT NULL
){{strict}};
