-- owner: home
-- breaking: no
-- How far each project's journal was seen to reach, so that a store that was lost or set back is recognised.

CREATE TABLE marks (
  project_id TEXT PRIMARY KEY,
  epoch INTEGER NOT NULL CHECK (epoch >= 1),
  last_seq INTEGER NOT NULL CHECK (last_seq >= 0),
  -- The event at that position; another one there is another history.
  last_event_id TEXT,
  seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
