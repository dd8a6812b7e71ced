-- owner: delivery
-- breaking: no
-- What a replay chose, whom a target was seen to be, and which events a newer one stands for.

-- The choice of a replay generation (kind 2): its cursor walks to to_seq and opens what fits. NULL asks nothing.
CREATE TABLE replays (
  gen_id INTEGER PRIMARY KEY REFERENCES generations (gen_id),
  to_seq INTEGER NOT NULL,
  mission TEXT,
  type TEXT,
  since_at INTEGER,
  until_at INTEGER
) STRICT;

-- One row whenever a receiver said something else of itself than the time before, the last 100 of a target.
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

-- An event that was superseded anywhere is sent nowhere any more: found by its position.
CREATE INDEX event_deliveries_superseded ON event_deliveries (seq) WHERE state = 4;
-- Which batches may have held an event.
CREATE INDEX batches_by_position ON batches (gen_id, max_seq, min_seq);
