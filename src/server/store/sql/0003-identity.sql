-- owner: server
-- breaking: yes
-- Who sends and who reads: people, teams, what belongs to which team, and the ways to prove it. Every secret is kept as
-- its hash only. Breaking, because an older program would let everybody on this machine in where people have accounts.

CREATE TABLE users (
  user_id TEXT PRIMARY KEY,
  email TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  password TEXT,
  created_at {{integer}} NOT NULL,
  disabled_at {{integer}}
){{strict}};

-- A private teamspace names its one user; nobody has two.
CREATE TABLE teams (
  team_id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  private_of TEXT UNIQUE REFERENCES users (user_id),
  created_at {{integer}} NOT NULL
){{strict}};
INSERT INTO teams (team_id, name, private_of, created_at) VALUES ('local', 'local', NULL, 0);

CREATE TABLE memberships (
  team_id TEXT NOT NULL REFERENCES teams (team_id),
  user_id TEXT NOT NULL REFERENCES users (user_id),
  role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'read-only')),
  since_at {{integer}} NOT NULL,
  PRIMARY KEY (team_id, user_id)
){{strict}};
CREATE INDEX memberships_of_user ON memberships (user_id);

-- A project belongs to each team that sent it, to each by itself.
CREATE TABLE projects (
  team_id TEXT NOT NULL REFERENCES teams (team_id),
  project_id TEXT NOT NULL,
  claimed_by TEXT NOT NULL,
  claimed_at {{integer}} NOT NULL,
  PRIMARY KEY (team_id, project_id)
){{strict}};
INSERT INTO projects (team_id, project_id, claimed_by, claimed_at)
SELECT team_id, project_id, 'local', min(received_at) FROM events GROUP BY team_id, project_id;

ALTER TABLE tokens ADD COLUMN expires_at {{integer}};

-- One login. It speaks for one team; a browser's has a secret of its own, the others have refresh tokens.
CREATE TABLE sessions (
  session_id TEXT PRIMARY KEY,
  team_id TEXT NOT NULL REFERENCES teams (team_id),
  user_id TEXT NOT NULL REFERENCES users (user_id),
  kind TEXT NOT NULL CHECK (kind IN ('password', 'device', 'browser')),
  secret_hash TEXT UNIQUE CHECK (length(secret_hash) = 64),
  created_at {{integer}} NOT NULL,
  expires_at {{integer}} NOT NULL,
  revoked_at {{integer}},
  revoked_for TEXT
){{strict}};
CREATE INDEX sessions_of_user ON sessions (user_id);

-- The tokens of one login in a row, each used once. The nonce tells the loser of a race from a thief.
CREATE TABLE refresh_tokens (
  token_hash TEXT PRIMARY KEY CHECK (length(token_hash) = 64),
  session_id TEXT NOT NULL REFERENCES sessions (session_id),
  generation {{integer}} NOT NULL,
  issued_at {{integer}} NOT NULL,
  expires_at {{integer}} NOT NULL,
  used_at {{integer}},
  used_nonce TEXT,
  UNIQUE (session_id, generation)
){{strict}};

CREATE TABLE device_grants (
  device_hash TEXT PRIMARY KEY CHECK (length(device_hash) = 64),
  user_code_hash TEXT NOT NULL UNIQUE CHECK (length(user_code_hash) = 64),
  state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'spent')),
  team_id TEXT REFERENCES teams (team_id),
  user_id TEXT REFERENCES users (user_id),
  created_at {{integer}} NOT NULL,
  expires_at {{integer}} NOT NULL,
  interval_s {{integer}} NOT NULL,
  polled_at {{integer}}
){{strict}};
CREATE INDEX device_grants_by_expiry ON device_grants (expires_at);

-- Retired keys sign nothing and are believed until the last token they signed has expired.
CREATE TABLE signing_keys (
  key_id TEXT PRIMARY KEY,
  private_key TEXT NOT NULL,
  created_at {{integer}} NOT NULL,
  retired_at {{integer}}
){{strict}};

-- Links that work once: the first user's, and those that let a user choose a password.
CREATE TABLE one_time_links (
  code_hash TEXT PRIMARY KEY CHECK (length(code_hash) = 64),
  user_id TEXT REFERENCES users (user_id),
  created_at {{integer}} NOT NULL,
  expires_at {{integer}} NOT NULL,
  used_at {{integer}}
){{strict}};

-- Tries to log in, counted in windows of time.
CREATE TABLE attempts (
  subject TEXT PRIMARY KEY,
  count {{integer}} NOT NULL,
  window_ends_at {{integer}} NOT NULL
){{strict}};

-- Each entry hashes the one before; UNIQUE previous keeps the chain from forking.
CREATE TABLE audit (
  entry {{serial}},
  at {{integer}} NOT NULL,
  team_id TEXT,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  previous TEXT NOT NULL UNIQUE CHECK (length(previous) = 64),
  hash TEXT NOT NULL UNIQUE CHECK (length(hash) = 64)
){{strict}};
CREATE INDEX audit_by_actor ON audit (actor, action, subject, at);
{{append_only audit}}
