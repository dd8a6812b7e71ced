import fs from 'node:fs';
import {
  IntegrityError,
  isDamaged,
  messageOf,
  openDb,
  UserError,
  type Db,
} from '../../base/index.ts';
import { findUnevenPasses, mendPasses, type Stream } from '../../delivery/index.ts';
import {
  checkoutId,
  keepMark,
  raiseEpoch,
  readEpoch,
  readMark,
  setFileAside,
  type Home,
  type Project,
} from '../../home/index.ts';
import {
  checkHead,
  checkLineage,
  countQuarantined,
  describeBroken,
  emptyLog,
  findDamage,
  markJournal,
  openJournal,
  quarantine,
  salvageEvents,
  salvageSpill,
  takeIn,
  tornSpill,
  type Damage,
  type Journal,
} from '../../journal/index.ts';
import { importMissions } from '../../missions/index.ts';
import { brokenReferences, damagedTexts, pageFlaws, type Flaw } from './flaws.ts';

/** What verification found, and what repair did about it. */
export interface Verification {
  readonly flaws: readonly Flaw[];
  /** Positions in quarantine, those of earlier runs included. */
  readonly quarantined: number;
  /** Copies and files that were kept before anything was changed. */
  readonly kept: readonly string[];
  /** Null while the store cannot be opened. */
  readonly epoch: number | null;
  /** Events that were captured anew: salvaged, out of torn files, or from the mission logs. */
  readonly recovered: number;
}

interface Examination {
  readonly home: Home;
  readonly project: Project;
  readonly repair: boolean;
  readonly streams: readonly Stream[];
  readonly flaws: Flaw[];
  readonly kept: string[];
  recovered: number;
}

/**
 * Looks at everything of a project in this home: the configuration, the machine's file, the pages of the store, how
 * far the journal reaches, each payload, each reference, each counter, the files beside the store. With `repair`
 * what can be mended is mended; whatever is changed is copied first, and nothing is deleted.
 * @throws UserError for a store that cannot be opened for another reason than damage.
 */
export async function verify(
  home: Home,
  project: Project,
  options: { readonly repair: boolean; readonly streams: readonly Stream[] },
): Promise<Verification> {
  const examination: Examination = {
    home,
    project,
    ...options,
    flaws: [],
    kept: [],
    recovered: 0,
  };
  await examineConfig(examination);
  const hasMachine = examineMachine(examination);
  const journal = openSound(examination, hasMachine);
  if (journal !== null) {
    examineJournal(examination, journal);
    examineSpill(examination, journal);
    const isSound = hasMachine && !examination.flaws.some(({ code, state }) => isEnd(code, state));
    if (isSound) markJournal(home, journal);
  }
  return {
    flaws: examination.flaws,
    kept: examination.kept,
    recovered: examination.recovered,
    quarantined: journal === null ? 0 : countQuarantined(journal.db),
    epoch: journal === null ? null : readEpoch(journal.db),
  };
}

function isEnd(code: Flaw['code'], state: Flaw['state']): boolean {
  return code === 'journal_broken' && state === 'found';
}

/** A file of settings that cannot be read is put aside; they are made again by the commands that made them. */
async function examineConfig({ home, repair, flaws, kept }: Examination): Promise<void> {
  try {
    await home.config();
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== 'config_corrupt') throw error;
    const aside = repair ? setFileAside(home, home.paths.config, home.system.clock.now()) : null;
    if (aside !== null) kept.push(aside);
    flaws.push(flaw('config_corrupt', error.message, aside === null ? 'found' : 'set_aside'));
  }
}

/** The machine's file holds nothing that cannot be learnt again. */
function examineMachine({ home, repair, flaws, kept }: Examination): boolean {
  try {
    home.machine();
    return true;
  } catch (error) {
    if (!isDamaged(error)) throw error;
    const aside = repair ? setFileAside(home, home.paths.machine, home.system.clock.now()) : null;
    if (aside !== null) kept.push(aside);
    flaws.push(flaw('machine_damaged', messageOf(error), aside === null ? 'found' : 'mended'));
    return aside !== null;
  }
}

/** The journal, its pages sound; made anew where they are not and that was asked for. */
function openSound(examination: Examination, hasMachine: boolean): Journal | null {
  const { home, project, repair, flaws } = examination;
  let complaint: string;
  try {
    const broken = hasMachine ? checkLineage(home, project.id, () => home.store(project.id)) : null;
    const journal = openJournal(home, project);
    if (broken !== null) {
      flaws.push(flaw('journal_broken', describeBroken(broken), repair ? 'mended' : 'found'));
      if (repair) beginAnew(examination, journal);
    }
    const found = pageFlaws(journal.db);
    if (found.length === 0) return journal;
    complaint = found.join('; ');
    if (repair && isMendedByIndex(examination, journal.db)) {
      flaws.push(flaw('store_damaged', complaint, 'mended'));
      return journal;
    }
  } catch (error) {
    if (!(error instanceof IntegrityError) && !isDamaged(error)) throw error;
    complaint = messageOf(error);
  }
  flaws.push(flaw('store_damaged', complaint, repair ? 'set_aside' : 'found'));
  return repair ? rebuild(examination) : null;
}

function isMendedByIndex(examination: Examination, db: Db): boolean {
  keepCopy(examination, db);
  try {
    db.exec('REINDEX');
  } catch (error) {
    if (!isDamaged(error)) throw error;
    return false;
  }
  return pageFlaws(db).length === 0;
}

/** Puts the store aside and makes another one of what can be read of it and of the mission logs. */
function rebuild(examination: Examination): Journal {
  const { home, project, kept } = examination;
  const { clock } = home.system;
  home.forgetStore(project.id);
  const aside = setFileAside(home, home.paths.projectStore(project.id), clock.now());
  const journal = openJournal(home, project);
  if (aside !== null) {
    kept.push(aside);
    examination.recovered += salvageFrom(aside, journal);
  }
  beginAnew(examination, journal);
  return journal;
}

function salvageFrom(file: string, journal: Journal): number {
  let from: Db | null = null;
  try {
    from = openDb(file, { clock: journal.system.clock, readonly: true });
    return salvageEvents(journal, from);
  } catch (error) {
    if (!isDamaged(error)) throw error;
    return 0;
  } finally {
    from?.close();
  }
}

/** Positions mean something else from here on. What the mission logs hold comes back from them. */
function beginAnew(examination: Examination, journal: Journal): void {
  const { home, project } = examination;
  const epoch = raiseEpoch(journal.db, (readMark(home, project.id)?.epoch ?? 1) + 1);
  examination.recovered += takeIn(home, journal).events;
  examination.recovered += importMissions(journal, project).totals.captured;
  keepMark(home, project.id, {
    epoch,
    lastSeq: 0,
    lastEventId: null,
    seenAt: home.system.clock.now(),
  });
}

function examineJournal(examination: Examination, journal: Journal): void {
  const { repair, flaws, streams, project } = examination;
  const { db, system } = journal;
  const found = [...journalFlaws(db), ...ledgerFlaws(db, streams)];
  flaws.push(...textFlaws(db));
  if (found.length === 0) return;
  if (!repair) {
    flaws.push(...found);
    return;
  }
  keepCopy(examination, db);
  const now = system.clock.now();
  const here = checkoutId(db, project.checkoutPath, now);
  const aside = db.tx(() => {
    const context = { projectId: project.id, checkoutId: here, now };
    const left = quarantine(db, findDamage(db), context);
    mendPasses(db, streams);
    return new Set(left.map(damageText));
  });
  const after = new Set(
    [...journalFlaws(db), ...ledgerFlaws(db, streams)].map(({ detail }) => detail),
  );
  flaws.push(
    ...found.map((each) => {
      if (after.has(each.detail)) return each;
      return { ...each, state: aside.has(each.detail) ? 'set_aside' : 'mended' } as const;
    }),
  );
}

function journalFlaws(db: Db): readonly Flaw[] {
  const { kept, counted } = checkHead(db);
  const isCounted = kept.captured === counted.captured && kept.ineligible === counted.ineligible;
  return [
    ...findDamage(db).map((damage) => flaw('event_damaged', damageText(damage))),
    ...brokenReferences(db).map((detail) => flaw('reference_broken', detail)),
    ...(isCounted
      ? []
      : [flaw('counters_wrong', `${counted.captured} events are there, ${kept.captured} counted`)]),
  ];
}

function damageText({ seq, eventId, reason }: Damage): string {
  return `${reason}: ${eventId ?? 'the event'} at position ${seq}`;
}

function ledgerFlaws(db: Db, streams: readonly Stream[]): readonly Flaw[] {
  return findUnevenPasses(db, streams).map(({ stream, canonicalUrl, detail }) =>
    flaw('deliveries_wrong', `${stream} for ${canonicalUrl}: ${detail}`),
  );
}

/** A stored text cannot be replaced; what is damaged is never sent, and the artifact's next text is kept beside it. */
function textFlaws(db: Db): readonly Flaw[] {
  return damagedTexts(db).map((sha256) => flaw('text_damaged', `the text ${sha256}`));
}

function examineSpill(examination: Examination, journal: Journal): void {
  const { home, project, repair, flaws, kept } = examination;
  for (const file of tornSpill(home, project.id)) {
    flaws.push(flaw('spill_torn', file, repair ? 'set_aside' : 'found'));
    if (!repair) continue;
    examination.recovered += salvageSpill(home, journal, file);
    kept.push(`${file}.examined`);
  }
}

/** Copies a store as it is before anything of it is changed; once is enough. */
function keepCopy({ home, kept }: Examination, db: Db): void {
  const copy = `${db.path}.before-repair-${home.system.clock.now()}`;
  if (kept.some((file) => file.startsWith(`${db.path}.before-repair-`))) return;
  emptyLog(db);
  db.tx(() => {
    fs.copyFileSync(db.path, copy, fs.constants.COPYFILE_EXCL);
    if (fs.existsSync(`${db.path}-wal`)) fs.copyFileSync(`${db.path}-wal`, `${copy}-wal`);
  });
  kept.push(copy);
}

function flaw(code: Flaw['code'], detail: string, state: Flaw['state'] = 'found'): Flaw {
  return { code, detail, state };
}
