import type { Db, Millis } from '../../base/index.ts';
import type { NamespaceRef } from '../namespace.ts';

/** What the index last said of a file, and how the file looked then. */
export interface SeenFile {
  readonly path: string;
  readonly size: number;
  readonly modifiedAt: Millis;
  readonly changedAt: Millis;
  readonly inode: number;
  readonly sha256: string | null;
  readonly error: string | null;
  /** The hash that the last event about it stated; null when that event said it is missing, or there was none. */
  readonly announced: string | null;
  /** Why nothing of it was uploaded; null when an upload was kept. */
  readonly skipped: string | null;
}

/** The index of one mission in one namespace, as one checkout saw it last. */
export interface Dossier {
  readonly id: number;
  readonly snapshot: string | null;
  readonly drift: string | null;
  readonly files: ReadonlyMap<string, SeenFile>;
}

type Place = NamespaceRef & { readonly checkoutId: number };

const FIND = `
  SELECT dossier_id AS id, snapshot, drift FROM dossiers
  WHERE checkout_id = :checkoutId AND mission_slug = :missionSlug AND target_branch = :targetBranch
    AND mission_type = :missionType AND manifest_version = :manifestVersion`;
const CREATE = `
  INSERT INTO dossiers (checkout_id, mission_slug, target_branch, mission_type, manifest_version, indexed_at)
  VALUES (:checkoutId, :missionSlug, :targetBranch, :missionType, :manifestVersion, :now)
  ON CONFLICT DO NOTHING`;
const FILES = `
  SELECT path, size, modified_at AS modifiedAt, changed_at AS changedAt, inode, sha256, error, announced, skipped
  FROM indexed_files WHERE dossier_id = :id`;
const SOME = `${FILES} AND path IN (SELECT value FROM json_each(:paths))`;
const REMEMBER = `
  INSERT INTO indexed_files (dossier_id, path, size, modified_at, changed_at, inode, sha256, error, announced, skipped)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (dossier_id, path) DO UPDATE SET size = excluded.size, modified_at = excluded.modified_at,
    changed_at = excluded.changed_at, inode = excluded.inode, sha256 = excluded.sha256, error = excluded.error,
    announced = excluded.announced, skipped = excluded.skipped`;
const CONCLUDE = `
  UPDATE dossiers SET snapshot = :snapshot, drift = :drift, indexed_at = :now WHERE dossier_id = :id`;

/** What is known of a mission in this namespace; null when it was never indexed here. */
export function findDossier(db: Db, place: Place): Dossier | null {
  const { projectUuid: _project, ...key } = place;
  const row = db.get<Omit<Dossier, 'files'>>(FIND, key);
  if (row === undefined) return null;
  const files = db.all<SeenFile>(FILES, { id: row.id });
  return { ...row, files: new Map(files.map((file) => [file.path, file])) };
}

/** The number of a dossier, and whether there was none before. Runs inside a transaction. */
export function ensureDossier(
  db: Db,
  place: Place,
  now: Millis,
): { readonly id: number; readonly isNew: boolean } {
  const { projectUuid: _project, ...key } = place;
  const isNew = db.run(CREATE, { ...key, now }).changes > 0;
  return { id: db.get<{ id: number }>(FIND, key)?.id ?? 0, isNew };
}

/** What is noted of some files now, whoever noted it. */
export function seenFiles(
  db: Db,
  id: number,
  paths: readonly string[],
): ReadonlyMap<string, SeenFile> {
  const files = db.all<SeenFile>(SOME, { id, paths: JSON.stringify(paths) });
  return new Map(files.map((file) => [file.path, file]));
}

/** Notes what was said of a file. Runs in the transaction that says it. */
export function rememberFile(db: Db, id: number, file: SeenFile): void {
  const { path, size, modifiedAt, changedAt, inode, sha256, error, announced, skipped } = file;
  db.run(REMEMBER, [
    id,
    path,
    size,
    modifiedAt,
    changedAt,
    inode,
    sha256,
    error,
    announced,
    skipped,
  ]);
}

/** Notes what the last snapshot and drift of a mission said. */
export function concludeDossier(
  db: Db,
  id: number,
  said: { readonly snapshot: string | null; readonly drift: string | null; readonly now: Millis },
): void {
  db.run(CONCLUDE, { id, ...said });
}
