-- owner: home
-- breaking: no
-- Who renews the login at an origin right now: refresh tokens work once, so one process asks and the others wait.

CREATE TABLE refreshes (
  origin TEXT PRIMARY KEY,
  fence INTEGER NOT NULL CHECK (fence >= 0),
  owner_pid INTEGER,
  owner_started TEXT,
  owner_boot TEXT,
  expires_at INTEGER
) STRICT, WITHOUT ROWID;
