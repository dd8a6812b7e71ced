-- owner: server
-- breaking: no
-- How well events come in: what each hour's requests were answered with, and how late events are.

-- A statistic, not a view: refusals leave no event, so this does not follow from the events and is not folded anew. With
-- an empty project_id a row is about the whole team. result is `success`, `duplicate` or the code of a refusal; rule is
-- the schema's, where the code alone says too little. bytes are those of the items themselves.
CREATE TABLE ingest_counts (
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  hour {{integer}} NOT NULL,
  stream TEXT NOT NULL CHECK (stream IN ('batches', 'events', 'bodies', 'snapshots')),
  result TEXT NOT NULL,
  rule TEXT NOT NULL,
  count {{integer}} NOT NULL,
  bytes {{integer}} NOT NULL,
  PRIMARY KEY (team_id, project_id, hour, stream, result, rule)
){{by_project}};
CREATE INDEX ingest_counts_by_hour ON ingest_counts (team_id, hour);

-- How long after it happened an event arrived, by day of arrival (UTC) and length: within_ms is the upper end of a few
-- lengths, 0 for events from the future.
CREATE TABLE producer_lags (
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  node_id TEXT NOT NULL,
  day TEXT NOT NULL,
  within_ms {{integer}} NOT NULL,
  events {{integer}} NOT NULL,
  most_ms {{integer}} NOT NULL,
  PRIMARY KEY (team_id, project_id, node_id, day, within_ms)
){{by_project}};

-- Of the last event that arrived; negative for one from the future.
ALTER TABLE producers ADD COLUMN last_lag_ms {{integer}} NOT NULL DEFAULT 0;
CREATE INDEX producers_by_team ON producers (team_id, last_seen_at);
CREATE INDEX producers_by_project ON producers (team_id, project_id, last_seen_at, node_id);

-- The views of before know no lags, so they are folded anew.
DELETE FROM missions;
DELETE FROM last_words;
DELETE FROM lane_changes;
DELETE FROM findings;
DELETE FROM producers;
DELETE FROM producer_runs;
DELETE FROM tallies;
DELETE FROM view_cursors;
