-- owner: missions
-- breaking: no
-- What import has read, so that an unchanged file costs a stat.

CREATE TABLE imported_files (
  checkout_id INTEGER NOT NULL REFERENCES checkouts (checkout_id),
  path TEXT NOT NULL,
  size INTEGER NOT NULL,
  modified_at REAL NOT NULL,
  inode INTEGER NOT NULL,
  lines INTEGER NOT NULL,
  bad_lines INTEGER NOT NULL,
  imported_at INTEGER NOT NULL,
  PRIMARY KEY (checkout_id, path)
) STRICT, WITHOUT ROWID;
