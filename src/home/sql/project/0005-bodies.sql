-- owner: bodies
-- breaking: no
-- Texts of artifacts by hash, what of them is to be uploaded where, and what the index last said of each file.

-- Every text once, however many paths and missions have it.
CREATE TABLE blobs (
  blob_id INTEGER PRIMARY KEY,
  sha256 TEXT NOT NULL UNIQUE CHECK (length(sha256) = 64 AND sha256 NOT GLOB '*[^0-9a-f]*'),
  bytes INTEGER NOT NULL CHECK (bytes > 0),
  content BLOB NOT NULL CHECK (length(content) = bytes)
) STRICT;
CREATE TRIGGER blobs_no_update BEFORE UPDATE ON blobs
  BEGIN SELECT RAISE (ABORT, 'a stored text is immutable'); END;
CREATE TRIGGER blobs_no_delete BEFORE DELETE ON blobs
  BEGIN SELECT RAISE (ABORT, 'a stored text is immutable'); END;
-- REPLACE deletes without any delete trigger.
CREATE TRIGGER blobs_no_replace BEFORE INSERT ON blobs
  WHEN EXISTS (SELECT 1 FROM blobs WHERE sha256 = NEW.sha256)
    OR EXISTS (SELECT 1 FROM blobs WHERE blob_id = NEW.blob_id)
  BEGIN SELECT RAISE (IGNORE); END;

-- One content of one path in one namespace. No AUTOINCREMENT and no delete: seq is dense and says how many there are.
CREATE TABLE uploads (
  seq INTEGER PRIMARY KEY,
  project_id TEXT NOT NULL REFERENCES store (project_id),
  checkout_id INTEGER REFERENCES checkouts (checkout_id),
  -- The event that announces it; null for a row of an old queue whose event is unknown.
  index_seq INTEGER REFERENCES events (seq),
  eligible INTEGER NOT NULL CHECK (eligible IN (0, 1)),
  origin TEXT NOT NULL CHECK (origin IN ('prepare', 'legacy')),
  mission_slug TEXT NOT NULL CHECK (mission_slug <> ''),
  target_branch TEXT NOT NULL CHECK (target_branch <> ''),
  mission_type TEXT NOT NULL CHECK (mission_type <> ''),
  manifest_version TEXT NOT NULL CHECK (manifest_version <> ''),
  artifact_path TEXT NOT NULL CHECK (artifact_path <> ''),
  sha256 TEXT NOT NULL,
  bytes INTEGER NOT NULL CHECK (bytes > 0),
  created_at INTEGER NOT NULL,
  -- How far an old queue had got with it; zero for our own.
  retry_count INTEGER NOT NULL DEFAULT 0 CHECK (retry_count >= 0),
  due_at INTEGER NOT NULL DEFAULT 0 CHECK (due_at >= 0),
  UNIQUE (project_id, mission_slug, target_branch, mission_type, manifest_version, artifact_path, sha256)
) STRICT;
CREATE INDEX uploads_by_index ON uploads (index_seq) WHERE index_seq IS NOT NULL;
CREATE INDEX uploads_ineligible ON uploads (seq) WHERE eligible = 0;
CREATE TRIGGER uploads_no_update BEFORE UPDATE ON uploads
  BEGIN SELECT RAISE (ABORT, 'an upload is immutable'); END;
CREATE TRIGGER uploads_no_delete BEFORE DELETE ON uploads
  BEGIN SELECT RAISE (ABORT, 'an upload is immutable'); END;
CREATE TRIGGER uploads_no_replace BEFORE INSERT ON uploads
  WHEN EXISTS (SELECT 1 FROM uploads WHERE seq = NEW.seq)
    OR EXISTS (
      SELECT 1 FROM uploads u
      WHERE u.project_id = NEW.project_id AND u.mission_slug = NEW.mission_slug
        AND u.target_branch = NEW.target_branch AND u.mission_type = NEW.mission_type
        AND u.manifest_version = NEW.manifest_version AND u.artifact_path = NEW.artifact_path
        AND u.sha256 = NEW.sha256
    )
  BEGIN SELECT RAISE (IGNORE); END;
CREATE TRIGGER uploads_have_their_text BEFORE INSERT ON uploads
  WHEN NOT EXISTS (SELECT 1 FROM blobs b WHERE b.sha256 = NEW.sha256 AND b.bytes = NEW.bytes)
  BEGIN SELECT RAISE (ABORT, 'the text of an upload is stored before it'); END;

-- The index of one mission in one namespace, as one checkout saw it last.
CREATE TABLE dossiers (
  dossier_id INTEGER PRIMARY KEY,
  checkout_id INTEGER NOT NULL REFERENCES checkouts (checkout_id),
  mission_slug TEXT NOT NULL,
  target_branch TEXT NOT NULL,
  mission_type TEXT NOT NULL,
  manifest_version TEXT NOT NULL,
  -- What the last captured snapshot and drift said, so that an unchanged mission says nothing again.
  snapshot TEXT,
  drift TEXT,
  indexed_at INTEGER NOT NULL,
  UNIQUE (checkout_id, mission_slug, target_branch, mission_type, manifest_version)
) STRICT;

-- What the index last said of a file, and how the file looked then: an unchanged one costs a stat.
-- `announced` is the hash its last event stated, null after one that it is missing; `skipped` is the outcome of
-- preparing it when nothing was uploaded, null when an upload was kept.
CREATE TABLE indexed_files (
  dossier_id INTEGER NOT NULL REFERENCES dossiers (dossier_id),
  path TEXT NOT NULL,
  size INTEGER NOT NULL,
  modified_at REAL NOT NULL,
  changed_at REAL NOT NULL,
  inode INTEGER NOT NULL,
  sha256 TEXT,
  error TEXT,
  announced TEXT,
  skipped TEXT,
  PRIMARY KEY (dossier_id, path)
) STRICT, WITHOUT ROWID;
