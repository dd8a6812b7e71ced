-- owner: server
-- breaking: no
-- What people look for events by, folded from their envelopes as the other views are. Texts are empty for what an event
-- does not say.

-- Each way to look for events is one of these keys, and each key ends in the order in which they are shown.
CREATE TABLE event_index (
  team_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  occurred_at {{integer}} NOT NULL,
  event_id TEXT NOT NULL,
  type TEXT NOT NULL,
  mission_slug TEXT NOT NULL,
  wp_id TEXT NOT NULL,
  node_id TEXT NOT NULL,
  -- Codes of what is odd about it, with a space between them.
  findings TEXT NOT NULL,
  PRIMARY KEY (team_id, project_id, occurred_at, event_id)
){{by_project}};
CREATE INDEX event_index_of_team ON event_index (team_id, occurred_at, event_id, project_id);
CREATE INDEX event_index_of_mission ON event_index (team_id, project_id, mission_slug, occurred_at, event_id);
CREATE INDEX event_index_of_type ON event_index (team_id, project_id, type, occurred_at, event_id);
CREATE INDEX event_index_of_node ON event_index (team_id, project_id, node_id, occurred_at, event_id);
CREATE INDEX findings_of_code ON findings (team_id, project_id, code, occurred_at, event_id);

-- Events that were folded before are folded anew, into all views at once.
DELETE FROM missions;
DELETE FROM last_words;
DELETE FROM lane_changes;
DELETE FROM findings;
DELETE FROM producers;
DELETE FROM producer_runs;
DELETE FROM tallies;
UPDATE view_cursors SET arrival = 0;
