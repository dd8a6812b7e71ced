import type { Db, Faults, Files, Millis } from '../../base/index.ts';
import { digestOf, encodeArchive, type ArchiveHeader } from './archive-file.ts';
import { isIntact, readPayloads, type StoredPayload } from './payloads.ts';

const PAGE_EVENTS = 1_000;
const EPOCH = 'SELECT project_id, epoch FROM store';
const NOTE = `
  INSERT INTO archives (path, digest, events, bytes, first_seq, last_seq, archived_at)
  VALUES (:path, :digest, :events, :bytes, :firstSeq, :lastSeq, :now)`;

/**
 * What an archive of these positions will say, and the positions that it will hold: a payload whose bytes are not
 * those that were captured stays where it is. Null when nothing is left.
 */
export function planArchive(
  db: Db,
  seqs: readonly number[],
): { readonly header: ArchiveHeader; readonly seqs: readonly number[] } | null {
  const held: number[] = [];
  const hashes: string[] = [];
  let bytes = 0;
  for (const page of pagesOf(db, seqs)) {
    for (const payload of page.filter((each) => isIntact(each) && isText(each))) {
      held.push(payload.seq);
      hashes.push(payload.sha256);
      bytes += payload.bytes.length;
    }
  }
  const firstSeq = held[0];
  const store = db.get<{ project_id: string; epoch: number }>(EPOCH);
  if (firstSeq === undefined || store === undefined) return null;
  const header: ArchiveHeader = {
    projectId: store.project_id,
    storeEpoch: store.epoch,
    events: held.length,
    bytes,
    firstSeq,
    lastSeq: held.at(-1) ?? firstSeq,
    digest: digestOf(hashes),
  };
  return { header, seqs: held };
}

/** The name of an archive: made of what it holds, so that the same content is the same file. */
export function archiveName({ projectId, firstSeq, lastSeq, digest }: ArchiveHeader): string {
  return `${projectId}-${firstSeq}-${lastSeq}-${digest.slice(0, 12)}.ndjson.gz`;
}

/** Writes an archive durably; false when a file of that name is there already. */
export function writeArchive(
  db: Db,
  options: {
    readonly files: Files;
    readonly faults: Faults;
    readonly path: string;
    readonly header: ArchiveHeader;
    readonly seqs: readonly number[];
  },
): boolean {
  const { files, faults, path, header, seqs } = options;
  const struck = function* (): Generator<Uint8Array> {
    for (const piece of encodeArchive(header, pagesOf(db, seqs))) {
      faults.at('archive.write');
      yield piece;
    }
  };
  return files.createFrom(path, struck());
}

/** Notes an archive that is on the disk and was read back. */
export function noteArchive(
  db: Db,
  archive: { readonly path: string; readonly header: ArchiveHeader },
  now: Millis,
): number {
  const { digest, events, bytes, firstSeq, lastSeq } = archive.header;
  const { path } = archive;
  return db.run(NOTE, { path, digest, events, bytes, firstSeq, lastSeq, now }).rowid;
}

function* pagesOf(db: Db, seqs: readonly number[]): Generator<readonly StoredPayload[]> {
  for (let at = 0; at < seqs.length; at += PAGE_EVENTS) {
    yield readPayloads(db, seqs.slice(at, at + PAGE_EVENTS));
  }
}

/** Whether a JSON text gives the same bytes back; every envelope that was parsed does. */
function isText({ bytes }: StoredPayload): boolean {
  return bytes.equals(Buffer.from(bytes.toString('utf8')));
}
