import { isUtf8 } from 'node:buffer';
import { sha256Hex } from '../base/index.ts';
import { captureDrafts, type Draft, type Journal, type Receipt } from '../journal/index.ts';
import { inlineFormat, isSurface } from '../wire/index.ts';
import { announceArtifact, announceMissing, type Speaker } from './dossier/announcements.ts';
import { PASSING, signatureOf, type Artifact } from './dossier/artifacts.ts';
import { ensureDossier, rememberFile, seenFiles, type SeenFile } from './dossier/memory.ts';
import { CHUNK_ARTIFACTS, CHUNK_BYTES, MAX_BODY_BYTES, SHELF_BYTES } from './limits.ts';
import { skipped, type UploadOutcome } from './outcomes.ts';
import { keepUpload, placesTaken, wouldStore, type Stored, type Upload } from './uploads.ts';

/** One mission's artifacts on their way into the journal and the uploads. */
export interface Preparation {
  readonly journal: Journal;
  readonly checkoutId: number;
  /** The project's root: nothing is read that does not lie below it as it is named. */
  readonly root: string;
  readonly speaker: Speaker;
  /** Uploads that may wait (`[sync].max_queue_size`). */
  readonly capacity: number;
}

/** Facts and rows that belong into the last transaction of a preparation. */
export interface Closing {
  drafts(): readonly Draft[];
  also(dossierId: number): void;
}

export interface Prepared {
  /** One for each artifact, in order. */
  readonly outcomes: readonly UploadOutcome[];
  /** Events captured. */
  readonly events: number;
}

/** An artifact with its text, or with the reason why none is uploaded. */
type Ready = { readonly artifact: Artifact } & (
  | { readonly content: Buffer; readonly reason: null }
  | { readonly content: null; readonly reason: string }
);

/** A file that was changed this shortly before it was read may change again within the clock tick of its stat. */
const RACY_MS = 50;

/**
 * Announces artifacts that changed and keeps the texts of those that are uploaded: each with its event before it and
 * the note of how its file looked, in one transaction for some hundred of them, so that a run that dies converges
 * with the next. Goes by the list it is given and looks for nothing; each text is read and hashed again, and one
 * that is not what the index said is left for the next run. Idempotent.
 * @throws UserError `busy` and other failures of the store; what was committed before stays.
 */
export function prepareBodyUploads(
  preparation: Preparation,
  artifacts: readonly Artifact[],
  closing: Closing | null = null,
): Prepared {
  const outcomes: UploadOutcome[] = [];
  let events = 0;
  let chunk: Ready[] = [];
  let bytes = 0;
  const shelf = { piece: Buffer.alloc(0), used: 0 };
  const flush = (last: Closing | null): void => {
    const done = keep(preparation, chunk, last);
    outcomes.push(...done.outcomes);
    events += done.events;
    chunk = [];
    bytes = 0;
  };
  for (const artifact of artifacts) {
    const ready = makeReady(preparation, artifact, shelf);
    if (chunk.length >= CHUNK_ARTIFACTS || bytes >= CHUNK_BYTES) flush(null);
    chunk.push(ready);
    bytes += ready.content?.length ?? 0;
  }
  if (chunk.length > 0 || closing !== null) flush(closing);
  return { outcomes, events };
}

/** What preparing would do, for a look ahead that writes nothing. */
export function foreseeBodyUploads(
  preparation: Preparation,
  artifacts: readonly Artifact[],
): readonly UploadOutcome[] {
  const { journal, capacity } = preparation;
  const shelf = { piece: Buffer.alloc(0), used: 0 };
  let left = capacity - placesTaken(journal.db);
  return artifacts.map((artifact) => {
    const ready = makeReady(preparation, artifact, shelf);
    shelf.used = 0;
    if (ready.reason !== null) return skipped(artifact.path, ready.reason);
    const stored = wouldStore(journal.db, upload(preparation, ready, null), left);
    if (stored === 'enqueued') left -= 1;
    return outcomeOf(artifact, stored);
  });
}

/** Whether an artifact's text is uploaded, by what the index says of it, and the text as it is now. */
function makeReady({ journal, root }: Preparation, artifact: Artifact, shelf: Shelf): Ready {
  const not = (reason: string): Ready => ({ artifact, content: null, reason });
  const refused = refusalOf(artifact);
  if (refused !== null) return not(refused);
  const { files } = journal.system;
  const into = placeOn(shelf, artifact.bytes + 1);
  const read = files.readInside(root, artifact.absolutePath, MAX_BODY_BYTES, into);
  if (!read.ok) {
    if (read.reason === 'absent') return not('deleted_after_scan');
    return not(
      read.reason === 'too_large' ? 'content_hash_mismatch' : `read_error: ${read.reason}`,
    );
  }
  if (sha256Hex(read.bytes) !== artifact.sha256) return not('content_hash_mismatch');
  if (!isUtf8(read.bytes)) return not('not_valid_utf8');
  if (read.bytes.length === 0) return not('empty_content');
  shelf.used += read.bytes.length;
  return { artifact, content: read.bytes, reason: null };
}

/** Where texts are put: a buffer for each would cost more than reading it. */
interface Shelf {
  piece: Buffer;
  used: number;
}

/** Room for so many bytes, behind the texts that stay. */
function placeOn(shelf: Shelf, bytes: number): Buffer {
  if (shelf.piece.length - shelf.used < bytes) {
    shelf.piece = Buffer.allocUnsafe(Math.max(bytes, SHELF_BYTES));
    shelf.used = 0;
  }
  return shelf.piece.subarray(shelf.used, shelf.used + bytes);
}

/** Why nothing is uploaded of an artifact, in the order of the contract (disk contract 7.5); null when it may be. */
export function refusalOf(
  artifact: Pick<Artifact, 'path' | 'isPresent' | 'error' | 'bytes'>,
): string | null {
  const { path, isPresent, error, bytes } = artifact;
  if (!isPresent) return `not_present: ${error ?? 'unknown'}`;
  if (!isSurface(path)) return 'unsupported_surface';
  const format = inlineFormat(path);
  if (!format.ok) return format.reason;
  return bytes > MAX_BODY_BYTES ? `oversized: ${bytes} bytes > ${MAX_BODY_BYTES} limit` : null;
}

function keep(
  preparation: Preparation,
  chunk: readonly Ready[],
  closing: Closing | null,
): Prepared {
  const { journal, checkoutId, speaker, capacity } = preparation;
  const { db, system } = journal;
  const outcomes: UploadOutcome[] = [];
  const kept: Kept = { dossierId: 0, left: 0 };
  let said: readonly Said[] = [];
  const receipts = captureDrafts(
    journal,
    () => {
      const place = { ...speaker.namespace, checkoutId };
      const dossier = ensureDossier(db, place, speaker.now);
      kept.dossierId = dossier.id;
      kept.left = capacity - placesTaken(db);
      const paths = chunk.map((ready) => ready.artifact.path);
      const seen = dossier.isNew ? NOTHING_SEEN : seenFiles(db, dossier.id, paths);
      said = chunk.map((ready) => say(speaker, ready, seen.get(ready.artifact.path), kept));
      const drafts = said.flatMap(({ draft }) => (draft === null ? [] : [draft]));
      return [...drafts, ...(closing?.drafts() ?? [])];
    },
    (all) => {
      const next = all.values();
      for (const each of said) {
        const receipt = each.draft === null ? null : (next.next().value ?? null);
        outcomes.push(settle(preparation, kept, each, receipt));
        system.faults.at('prepare.file');
      }
      closing?.also(kept.dossierId);
    },
  );
  return { outcomes, events: receipts.length };
}

const NOTHING_SEEN: ReadonlyMap<string, SeenFile> = new Map();

/** What one transaction keeps in mind: nobody else writes meanwhile. */
interface Kept {
  dossierId: number;
  /** Places for uploads. */
  left: number;
}

/** What there is to say of an artifact, and what was said last. */
interface Said {
  readonly ready: Ready;
  readonly draft: Draft | null;
}

function say(
  speaker: Speaker,
  ready: Ready,
  seen: SeenFile | undefined,
  { left }: Pick<Kept, 'left'>,
): Said {
  const { artifact } = ready;
  const announced = seen?.announced ?? null;
  if (isPassing(ready)) return { ready, draft: null };
  if (artifact.isPresent) {
    // A text that found no place has to follow an event: it is announced again once there is one.
    const hasPlace = seen?.skipped === 'queue_full' && left > 0;
    const isDue = announced !== artifact.sha256 || hasPlace;
    return { ready, draft: isDue ? announceArtifact(speaker, artifact) : null };
  }
  const reason = artifact.error ?? 'unknown';
  const isNews = announced !== null || (artifact.requiredBy !== null && seen?.error !== reason);
  const draft = isNews ? announceMissing(speaker, artifact, { reason, lastHash: announced }) : null;
  return { ready, draft };
}

/** The file is not what the index said, or could not be looked at: nothing is said or noted of it this time. */
function isPassing({ artifact, reason }: Ready): boolean {
  if (artifact.error !== null) return PASSING.has(artifact.error);
  return reason !== null && /^(?:content_hash_mismatch|deleted_after_scan|read_error)/.test(reason);
}

function settle(
  preparation: Preparation,
  kept: Kept,
  { ready }: Said,
  receipt: Receipt | null,
): UploadOutcome {
  const { journal, speaker } = preparation;
  const { artifact } = ready;
  let outcome: UploadOutcome;
  // The mode OPT_OUT dropped the event: its text is not kept without it.
  if (receipt?.status === 'discarded') return skipped(artifact.path, 'sync_disabled');
  if (ready.reason === null) {
    outcome = outcomeOf(artifact, keepText(preparation, kept, ready, receipt));
  } else {
    outcome = skipped(artifact.path, ready.reason);
    if (isPassing(ready)) return outcome;
  }
  const { path, sha256, error, stat } = artifact;
  const { size, modifiedAt, changedAt, inode } = signatureOf(stat);
  const isSettled = stat === null || Math.abs(speaker.now - changedAt) > RACY_MS;
  rememberFile(journal.db, kept.dossierId, {
    size,
    modifiedAt: isSettled ? modifiedAt : -1,
    changedAt,
    inode,
    path,
    sha256,
    error,
    announced: sha256,
    skipped: ready.reason ?? (outcome.status === 'failed' ? outcome.reason : null),
  });
  return outcome;
}

function keepText(
  preparation: Preparation,
  kept: Kept,
  ready: Ready & { readonly content: Buffer },
  receipt: Receipt | null,
): Stored {
  const { journal, speaker } = preparation;
  const room = { now: speaker.now, left: kept.left };
  const stored = keepUpload(journal.db, upload(preparation, ready, receipt), room);
  if (stored === 'enqueued') kept.left -= 1;
  return stored;
}

function upload(
  { checkoutId, speaker }: Preparation,
  ready: Ready & { readonly content: Buffer },
  receipt: Receipt | null,
): Upload {
  return {
    namespace: speaker.namespace,
    path: ready.artifact.path,
    content: ready.content,
    sha256: ready.artifact.sha256 ?? '',
    checkoutId,
    indexSeq: receipt?.seq ?? null,
    eligible: receipt?.eligible ?? true,
    origin: 'prepare',
  };
}

const STATUS_OF = {
  enqueued: 'queued',
  already_in_queue: 'already_exists',
  queue_full: 'failed',
} as const satisfies Record<Stored, UploadOutcome['status']>;

function outcomeOf({ path, sha256 }: Artifact, stored: Stored): UploadOutcome {
  return {
    path,
    status: STATUS_OF[stored],
    reason: stored,
    retryable: stored === 'queue_full',
    contentHash: sha256,
  };
}
