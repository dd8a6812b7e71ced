import path from 'node:path';
import { EXIT, UserError, type Db } from '../../base/index.ts';
import { queueSkipped } from '../../delivery/index.ts';
import type { Home } from '../../home/index.ts';
import {
  ArchiveDamaged,
  archiveName,
  capture,
  noteArchive,
  planArchive,
  putBack,
  readArchive,
  readHeader,
  writeArchive,
  type ArchiveHeader,
  type Fact,
  type Journal,
  type StoredPayload,
} from '../../journal/index.ts';
import { parseEnvelope } from '../../wire/index.ts';
import { dropPlanned, type Dropped } from './gc.ts';
import type { RetentionPlan } from './plan.ts';

/** An archive on the disk, and what was dropped after it stood there. */
export interface Archived {
  readonly path: string;
  /** Size of the file, in bytes. */
  readonly fileBytes: number;
  readonly header: ArchiveHeader;
  readonly dropped: Dropped;
}

/** What a restore did with the events of an archive. */
export interface Restored {
  readonly header: ArchiveHeader;
  /** Payloads that are back. */
  readonly restored: number;
  /** Payloads that were never away. */
  readonly present: number;
  /** Events that the journal had lost, captured anew. */
  readonly recaptured: number;
  /** Ids that stand for another event here; nothing was done with them. */
  readonly conflicts: number;
  /** Deliveries that are queued now, because a target had been opened while the payload was away. */
  readonly queued: number;
}

/** Payloads put back in one transaction. */
const STEP_EVENTS = 500;

/**
 * Writes the payloads of a plan into a file, reads the file back, and only then notes it and drops them. Null when
 * nothing is there to be archived.
 * @param file the place to write to; an existing file is never replaced, and only one of the same content is taken.
 * @throws UserError `usage` when another file is there, `archive_damaged` when what was written reads back wrong.
 */
export async function archive(
  home: Home,
  db: Db,
  options: { readonly plan: RetentionPlan; readonly file: string | null },
): Promise<Archived | null> {
  const { clock, faults, files } = home.system;
  const planned = planArchive(
    db,
    options.plan.unneeded.map(({ seq }) => seq),
  );
  if (planned === null) return null;
  const { header, seqs } = planned;
  const file = options.file ?? path.join(home.paths.archives, archiveName(header));
  files.makeDir(path.dirname(file));
  const isNew = writeArchive(db, { files, faults, path: file, header, seqs });
  faults.at('archive.written');
  await readBack(file, header, isNew);
  const archiveId = noteArchive(db, { path: file, header }, clock.now());
  faults.at('archive.recorded');
  const held = new Set(seqs);
  const unneeded = options.plan.unneeded.filter(({ seq }) => held.has(seq));
  const dropped = dropPlanned(home, db, { plan: { unneeded }, rule: 'settled', archiveId });
  return { path: file, fileBytes: files.stat(file)?.size ?? 0, header, dropped };
}

/**
 * Reads an archive to its end.
 * @throws UserError `archive_damaged`, exit code 3; `not_found` when there is no such file.
 */
export function checkArchive(file: string): Promise<ArchiveHeader> {
  return sound(file, () => readArchive(file));
}

/**
 * Puts the payloads of an archive back, byte for byte, after reading it once to its end. An event that the journal
 * lost is captured anew, and what was never to leave stays; one that a target was opened past is queued there.
 * @throws UserError `archive_damaged`, `not_found`, `usage` for an archive of another project.
 */
export async function restore(home: Home, journal: Journal, file: string): Promise<Restored> {
  const { db, projectId } = journal;
  const stated = await sound(file, () => readHeader(file));
  if (stated.projectId !== projectId) {
    throw new UserError('usage', `${file} is an archive of project ${stated.projectId}`, {
      remedy: `spec-kitty sync archive verify ${file}`,
      exitCode: EXIT.refused,
    });
  }
  await checkArchive(file);
  const sums = { restored: 0, present: 0, recaptured: 0, conflicts: 0, queued: 0 };
  const waiting: StoredPayload[] = [];
  const step = (): void => {
    restoreStep(home, journal, waiting, sums);
    waiting.length = 0;
  };
  const header = await sound(file, () =>
    readArchive(file, (payload) => {
      waiting.push(payload);
      if (waiting.length === STEP_EVENTS) step();
    }),
  );
  step();
  db.all('PRAGMA wal_checkpoint(TRUNCATE)');
  return { header, ...sums };
}

type Sums = { -readonly [Key in keyof Omit<Restored, 'header'>]: number };

function restoreStep(
  home: Home,
  journal: Journal,
  payloads: readonly StoredPayload[],
  sums: Sums,
): void {
  if (payloads.length === 0) return;
  const { db } = journal;
  const lost: StoredPayload[] = [];
  db.tx(() => {
    const back: number[] = [];
    for (const payload of payloads) {
      const put = putBack(db, payload);
      if (typeof put === 'number') back.push(put);
      else if (put === 'unknown') lost.push(payload);
      else if (put === 'present') sums.present += 1;
      else sums.conflicts += 1;
    }
    sums.queued += queueSkipped(db, back);
    sums.restored += back.length;
    home.system.faults.at('archive.restore');
  });
  recapture(journal, lost, sums);
}

function recapture(journal: Journal, lost: readonly StoredPayload[], sums: Sums): void {
  const facts = lost.flatMap(({ bytes, eligible }): readonly Fact[] => {
    const parsed = parseEnvelope(bytes);
    if (!parsed.ok) return [];
    const stays = eligible === false ? ({ staysHere: true } as const) : {};
    return [{ event: parsed.value, origin: 'envelope', source: null, ...stays }];
  });
  if (facts.length === 0) return;
  for (const { status } of capture(journal, facts)) {
    if (status === 'captured') sums.recaptured += 1;
    else sums.conflicts += 1;
  }
}

async function sound<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof ArchiveDamaged) {
      throw new UserError('archive_damaged', `${file} is damaged: ${error.message}`, {
        remedy: null,
        exitCode: EXIT.integrity,
      });
    }
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      throw new UserError('not_found', `there is no file ${file}`, { remedy: null });
    }
    throw error;
  }
}

/** What was written, now or by a process that died, must read back as what is to be dropped. */
async function readBack(file: string, header: ArchiveHeader, isNew: boolean): Promise<void> {
  try {
    if ((await readArchive(file)).digest === header.digest) return;
  } catch (error) {
    if (!(error instanceof ArchiveDamaged)) throw error;
  }
  if (isNew) {
    throw new UserError('archive_damaged', `${file} does not read back as it was written`, {
      remedy: 'spec-kitty sync archive',
      exitCode: EXIT.integrity,
    });
  }
  throw new UserError('usage', `${file} is there already and holds something else`, {
    remedy: 'spec-kitty sync archive',
    exitCode: EXIT.refused,
  });
}
