-- owner: server
-- breaking: no
-- What a team's people look at: its acts by what they were and who did them, and its tokens.

CREATE INDEX audit_of_team ON audit (team_id, entry);
CREATE INDEX audit_by_action ON audit (team_id, action, entry);
CREATE INDEX audit_by_who ON audit (team_id, actor, entry);
CREATE INDEX tokens_of_team ON tokens (team_id, created_at);
