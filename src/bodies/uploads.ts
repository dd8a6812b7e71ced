import { assert, sha256Hex, type Db, type Millis } from '../base/index.ts';
import { MAX_BODY_BYTES } from './limits.ts';
import type { NamespaceRef } from './namespace.ts';

/** One content of one artifact on its way to receivers. */
export interface Upload {
  readonly namespace: NamespaceRef;
  /** Below the mission directory, with forward slashes, as the index event names it. */
  readonly path: string;
  /** UTF-8, 1 to 524,288 bytes. */
  readonly content: Uint8Array;
  /** SHA-256 of `content`, 64 lower-case hexadecimal digits. */
  readonly sha256: string;
  readonly checkoutId: number | null;
  /** Position of the event that announces it in the journal; null when that is not known. */
  readonly indexSeq: number | null;
  /** False for what is kept and may never leave the machine. */
  readonly eligible: boolean;
  readonly origin: 'prepare' | 'legacy';
  /** How far an old queue had got with it. */
  readonly carried?: {
    readonly retryCount: number;
    readonly dueAt: Millis;
    readonly createdAt: Millis;
  };
}

export type Stored = 'enqueued' | 'already_in_queue' | 'queue_full';

const KNOWN = `
  SELECT seq FROM uploads
  WHERE project_id = ? AND mission_slug = ? AND target_branch = ? AND mission_type = ? AND manifest_version = ?
    AND artifact_path = ? AND sha256 = ?`;
const KEEP_TEXT = `
  INSERT INTO blobs (sha256, bytes, content) VALUES (?, ?, ?)
  ON CONFLICT (sha256) DO NOTHING`;
const KEEP_UPLOAD = `
  INSERT INTO uploads (project_id, mission_slug, target_branch, mission_type, manifest_version, artifact_path,
    sha256, bytes, checkout_id, index_seq, eligible, origin, created_at, retry_count, due_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
// Deliveries in their first two columns; the stream of bodies has the number 2, delivered the number 2.
const PLACES = `
  SELECT coalesce((SELECT max(seq) FROM uploads), 0) - coalesce((
    SELECT max(c.n) FROM generations g JOIN delivery_counts c ON c.gen_id = g.gen_id AND c.state = 2
    WHERE g.stream = 2), 0) AS taken`;

/**
 * Keeps an upload with its text, each text once. Idempotent on namespace, path and hash, whatever the capacity.
 * Runs inside the caller's transaction, so that an upload stands or falls with its event.
 * @param limits `capacity` is the number of uploads that may wait (`[sync].max_queue_size`); at the limit the
 *   answer is `queue_full` and nothing is kept. Nothing is ever evicted.
 */
export function storeUpload(
  db: Db,
  upload: Upload,
  limits: { readonly now: Millis; readonly capacity: number },
): Stored {
  const { sha256, content } = upload;
  assert(content.length > 0 && content.length <= MAX_BODY_BYTES, 'a text has 1 to 524,288 bytes');
  assert(sha256Hex(content) === sha256, 'an upload is kept under the hash of its text');
  return keepUpload(db, upload, { now: limits.now, left: limits.capacity - placesTaken(db) });
}

/** Does what `storeUpload` does with a text that has been measured and hashed. @param room `left` counts places. */
export function keepUpload(
  db: Db,
  upload: Upload,
  room: { readonly now: Millis; readonly left: number },
): Stored {
  if (room.left <= 0) return wouldStore(db, upload, room.left);
  const { sha256, content, carried } = upload;
  db.run(KEEP_TEXT, [sha256, content.length, content]);
  // By position: naming fifteen values costs a third of the insert.
  const kept = db.run(KEEP_UPLOAD, [
    ...keyOf(upload),
    content.length,
    upload.checkoutId,
    upload.indexSeq,
    upload.eligible ? 1 : 0,
    upload.origin,
    carried?.createdAt ?? room.now,
    carried?.retryCount ?? 0,
    carried?.dueAt ?? 0,
  ]);
  // A trigger passes over what is kept already, so nobody has to look before.
  return kept.changes === 0 ? 'already_in_queue' : 'enqueued';
}

type Key = Pick<Upload, 'namespace' | 'path' | 'sha256'>;

/** The position of the upload of this content of an artifact, or null. */
export function findUpload(db: Db, upload: Key): number | null {
  return db.get<{ seq: number }>(KNOWN, keyOf(upload))?.seq ?? null;
}

/** What keeping an upload comes to; writes nothing. @param left how many places there are. */
export function wouldStore(db: Db, upload: Key, left: number): Stored {
  if (findUpload(db, upload) !== null) return 'already_in_queue';
  return left > 0 ? 'enqueued' : 'queue_full';
}

/** The seven fields that make two uploads one. */
function keyOf({ namespace, path, sha256 }: Key): readonly string[] {
  const { projectUuid, missionSlug, targetBranch, missionType, manifestVersion } = namespace;
  return [projectUuid, missionSlug, targetBranch, missionType, manifestVersion, path, sha256];
}

/** How many texts are kept, each once. */
export function countTexts(db: Db): number {
  return db.get<{ n: number }>('SELECT count(*) AS n FROM blobs')?.n ?? 0;
}

/**
 * How many uploads wait: those kept, less those that the receiver which has most of them confirmed. Two index
 * lookups, whatever their number; never less than the uploads that no receiver has.
 */
export function placesTaken(db: Db): number {
  return db.get<{ taken: number }>(PLACES)?.taken ?? 0;
}
