import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  assert,
  createSystem,
  faultsFrom,
  sha256Hex,
  systemFiles,
  type Clock,
  type Files,
  type System,
} from '../base/index.ts';
import { openHome, type Home, type Project } from '../home/index.ts';
import { countConflicts, openJournal, readFacts, type Journal } from '../journal/index.ts';
import { parseEnvelope, parseProjectId } from '../wire/index.ts';
import { importMissions, type ImportReport } from './import.ts';
import { pendingLines, type PendingLines } from './pending.ts';

const SAMPLES = path.resolve(import.meta.dirname, '../../../shared/samples/kitty-specs');
const LOG = 'kitty-specs/m/status.events.jsonl';
const OTHER_PROJECT = '8a4a7da6-a97c-4bb4-893a-b31664abfee4';

let root = '';
let homes: Home[] = [];

beforeEach(() => {
  root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'import-')));
});

afterEach(() => {
  for (const home of homes) home.close();
  homes = [];
  fs.rmSync(root, { recursive: true, force: true });
});

function projectAt(directory: string): Project {
  const id = parseProjectId('3f2b8c64-9d0e-4a51-8c77-2b1f6e5d4c3a');
  assert(id !== null, 'the tests name a project');
  const base = { id, slug: 'kitty', repoSlug: null, git: null };
  return { ...base, root: directory, checkoutPath: directory };
}

interface Setting {
  readonly user?: string;
  readonly now?: number;
  readonly files?: Files;
  readonly faults?: System['faults'];
}

/** A journal in a home of its own; nothing of the machine is in it. */
function journalOf(project: Project, setting: Setting = {}): Journal {
  const directory = path.join(root, `home-${homes.length}`);
  const env = { HOME: directory, SPEC_KITTY_HOME: directory, USER: setting.user ?? 'ada' };
  const system = createSystem(env, project.root, setting.faults);
  const clock: Clock = { ...system.clock, now: () => setting.now ?? 1_800_000_000_000 };
  const home = openHome({ ...system, clock, files: setting.files ?? systemFiles });
  homes.push(home);
  return openJournal(home, project);
}

function put(below: string, text: string | Buffer): string {
  const file = path.join(root, 'work', below);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
  return file;
}

/** A lane line whose id is made of `index`. */
function lane(index: number, more = ''): string {
  const id = `01J${String(index).padStart(23, '0')}`;
  const at = new Date(Date.UTC(2026, 0, 1, 0, 0, index)).toISOString();
  return `{"actor": "ada", "at": "${at}", "event_id": "${id}", "to_lane": "done", "wp_id": "WP01"${more}}\n`;
}

function lanes(count: number, from = 0): string {
  return Array.from({ length: count }, (_, index) => lane(from + index)).join('');
}

function rows(journal: Journal): readonly { event_id: string; sha256: string; payload: Buffer }[] {
  return journal.db.all(
    `SELECT event_id, sha256, payload FROM events JOIN event_payloads USING (seq) ORDER BY seq`,
  );
}

function pending(journal: Journal, project: Project): PendingLines {
  const { db, checkoutId, system } = journal;
  return pendingLines(db, checkoutId, project, system.files);
}

/** Files that count how often a log is opened. */
function countingFiles(): { readonly files: Files; readonly reads: () => number } {
  let count = 0;
  const readInside: Files['readInside'] = (...of) => {
    count += 1;
    return systemFiles.readInside(...of);
  };
  return { files: { ...systemFiles, readInside }, reads: () => count };
}

/** Hashes of what is kept; the shared memory of a database holds the marks of its readers only. */
function filesBelow(directory: string): Readonly<Record<string, string>> {
  const names = fs.readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort();
  const kept = names.filter((name) => !name.endsWith('-shm'));
  const files = kept.filter((name) => fs.statSync(path.join(directory, name)).isFile());
  return Object.fromEntries(
    files.map((name) => [name, sha256Hex(fs.readFileSync(path.join(directory, name)))]),
  );
}

function codes(report: ImportReport): readonly string[] {
  return report.skipped.map(({ path: below, code }) => `${below} ${code}`);
}

/** Files of which those with `part` in their path are too large. */
function tooLargeIn(part: string): Files {
  const readInside: Files['readInside'] = (base, file, limit) =>
    file.includes(part)
      ? { ok: false, reason: 'too_large' }
      : systemFiles.readInside(base, file, limit);
  return { ...systemFiles, readInside };
}

/** Files of a system that numbers them all the same. */
function withInode(inode: number): Files {
  return {
    ...systemFiles,
    lstat: (file) => {
      const stat = systemFiles.lstat(file);
      return stat === null ? null : { ...stat, inode };
    },
    readInside: (...of) => {
      const read = systemFiles.readInside(...of);
      return read.ok ? { ...read, stat: { ...read.stat, inode } } : read;
    },
  };
}

function work(): Project {
  fs.mkdirSync(path.join(root, 'work'), { recursive: true });
  return projectAt(path.join(root, 'work'));
}

describe('an import', () => {
  it('records each line once, says where it was read, and adds only what is new', () => {
    const project = work();
    put(LOG, `${lane(1)}\r\n${lane(2).replace('\n', '\r\n')}\n   \n${lane(3).trimEnd()}`);
    const journal = journalOf(project);
    const first = importMissions(journal, project);
    expect(first).toMatchObject({
      dryRun: false,
      missions: 1,
      unchangedFiles: 0,
      skipped: [],
      totals: { lines: 3, captured: 3, known: 0, conflicts: 0, badLines: 0, incomplete: 0 },
      files: [{ path: LOG, mission: 'm', lines: 3, captured: 3, bad: [], foreignProject: null }],
    });
    const source = `SELECT source, line, mission, origin FROM provenance JOIN events USING (seq)`;
    expect(journal.db.all(source)).toEqual([
      { source: LOG, line: 1, mission: 'm', origin: 3 },
      { source: LOG, line: 3, mission: 'm', origin: 3 },
      { source: LOG, line: 6, mission: 'm', origin: 3 },
    ]);
    const before = rows(journal);
    const again = importMissions(journal, project);
    expect(again).toMatchObject({ files: [], unchangedFiles: 1, totals: { lines: 0 } });
    fs.appendFileSync(path.join(project.root, LOG), `\n${lane(4)}`);
    const appended = importMissions(journal, project);
    expect(appended.totals).toMatchObject({ lines: 4, captured: 1, known: 3 });
    expect(rows(journal).slice(0, 3)).toEqual(before);
    expect(readFacts(journal.db).captured).toBe(4);
  });

  it('costs an unchanged log a stat, also after the mission grew another log', () => {
    const project = work();
    const { files, reads } = countingFiles();
    put(LOG, lanes(3));
    const journal = journalOf(project, { files });
    importMissions(journal, project);
    expect(reads()).toBe(1);
    importMissions(journal, project);
    expect(pending(journal, project)).toEqual({
      lines: 0,
      badLines: 0,
      incomplete: 0,
      skipped: [],
    });
    expect(reads()).toBe(1);
    put('kitty-specs/m/decisions.events.jsonl', lanes(2, 10));
    expect(pending(journal, project).lines).toBe(2);
    expect(reads()).toBe(2);
    expect(importMissions(journal, project)).toMatchObject({ unchangedFiles: 1 });
    expect(reads()).toBe(3);
  });

  it('does not wait for lines that were dropped on record, though their log grew', () => {
    const project = work();
    put(LOG, lanes(3));
    const journal = journalOf(project);
    const rules = { machineMode: 'OPT_OUT', optOutPolicy: 'audit' } as const;
    const { optOut } = importMissions({ ...journal, rules }, project);
    expect(optOut.audited).toBe(3);
    put(LOG, lanes(4));
    expect(pending(journal, project).lines).toBe(1);
    expect(importMissions(journal, project).totals).toMatchObject({ captured: 1, known: 3 });
  });

  it('reads a log again that was replaced by one of the same size', () => {
    const project = work();
    const log = put(LOG, lane(1));
    const journal = journalOf(project);
    importMissions(journal, project);
    const { atime, mtime } = fs.statSync(log);
    put(`${LOG}.new`, lane(2));
    fs.utimesSync(`${log}.new`, atime, mtime);
    fs.renameSync(`${log}.new`, log);
    expect(importMissions(journal, project).totals.captured).toBe(1);
  });

  it('reports a bad line by file and line, imports the others, and looks again the next time', () => {
    const project = work();
    put(LOG, `${lanes(2)}{"type": 1}\n${lanes(2, 3)}`);
    put('kitty-specs/n/status.events.jsonl', lane(9));
    const journal = journalOf(project);
    const report = importMissions(journal, project);
    expect(report.totals).toMatchObject({ lines: 6, captured: 5, badLines: 1 });
    expect(report.files[0]?.bad).toEqual([
      { path: LOG, line: 3, reason: 'the line has neither a lane nor a type' },
    ]);
    expect(pending(journal, project)).toMatchObject({ lines: 0, badLines: 1 });
    const again = importMissions(journal, project);
    expect(again).toMatchObject({ unchangedFiles: 1, totals: { known: 4, badLines: 1 } });
    put(LOG, lanes(5));
    expect(importMissions(journal, project).totals).toMatchObject({ captured: 1, badLines: 0 });
  });

  it('names a bounded number of bad lines with a printable, bounded reason', () => {
    const project = work();
    const key = '\\u001b[31m'.padEnd(1_000, 'x');
    const bad = `{"${key}":{"a":1,"a":2}}\n`;
    put(LOG, bad.repeat(101));
    const [file] = importMissions(journalOf(project), project).files;
    expect(file).toMatchObject({ badLines: 101 });
    expect(file?.bad).toHaveLength(100);
    expect(file?.bad[0]?.reason).toMatch(/^\/\^\[\[31m/);
    expect(Buffer.byteLength(file?.bad[0]?.reason ?? '')).toBeLessThan(310);
  });

  it('leaves an unfinished last line for the next time and reports it apart', () => {
    const project = work();
    const half = Buffer.from(lane(2, ', "reason": "é"')).subarray(0, -5);
    put(LOG, Buffer.concat([Buffer.from(lane(1)), half]));
    const journal = journalOf(project);
    expect(importMissions(journal, project).totals).toMatchObject({
      lines: 2,
      captured: 1,
      badLines: 0,
      incomplete: 1,
    });
    expect(pending(journal, project)).toMatchObject({ lines: 0, badLines: 0, incomplete: 1 });
    put(LOG, lane(1) + lane(2));
    expect(importMissions(journal, project).totals).toMatchObject({ captured: 1, incomplete: 0 });
    put(LOG, `${lane(1)}{"type":1}`);
    expect(importMissions(journal, project).totals).toMatchObject({ badLines: 1, incomplete: 0 });
    put(LOG, `${lane(1).slice(0, -9)}\n${lane(2)}`);
    expect(importMissions(journal, project).totals).toMatchObject({ badLines: 1, incomplete: 0 });
  });

  it('imports lines of another project under this one and notes it once for a file', () => {
    const project = work();
    const stated = `, "project_uuid": "${OTHER_PROJECT}"`;
    put(LOG, lane(1) + lane(2, stated) + lane(3, stated) + lane(4, ', "project_uuid": "third"'));
    const journal = journalOf(project);
    const report = importMissions(journal, project);
    expect(report.files[0]).toMatchObject({ captured: 4, foreignProject: OTHER_PROJECT });
    const noted = 'SELECT stated_project_id AS stated FROM provenance ORDER BY seq';
    expect(journal.db.all(noted).map((row) => Object.values(row as object)[0] as unknown)).toEqual([
      null,
      OTHER_PROJECT,
      OTHER_PROJECT,
      'third',
    ]);
  });

  it('keeps the first of two facts with one id', () => {
    const project = work();
    put(LOG, lane(1) + lane(1) + lane(1, ', "reason": "other"'));
    const journal = journalOf(project);
    const report = importMissions(journal, project);
    expect(report.totals).toMatchObject({ lines: 3, captured: 1, known: 1, conflicts: 1 });
    expect(countConflicts(journal.db)).toBe(1);
  });

  it('may be limited to missions and to lines since an instant', () => {
    const project = work();
    put(LOG, lanes(4));
    put('kitty-specs/n/status.events.jsonl', lanes(4, 10));
    const journal = journalOf(project);
    const sinceMs = Date.UTC(2026, 0, 1, 0, 0, 2);
    const some = importMissions(journal, project, { missions: ['m'], sinceMs });
    expect(some).toMatchObject({ missions: 1, totals: { lines: 4, captured: 2, older: 2 } });
    expect(pending(journal, project).lines).toBe(6);
    expect(importMissions(journal, project).totals).toMatchObject({ captured: 6, known: 2 });
    expect(() => importMissions(journal, project, { missions: ['x'] })).toThrow(
      'no mission is called x; this project has m, n',
    );
  });

  it('reads nothing behind a link and says so', () => {
    const project = work();
    const outside = path.join(root, 'outside');
    fs.mkdirSync(outside);
    fs.writeFileSync(path.join(outside, 'status.events.jsonl'), lanes(3));
    fs.symlinkSync(root, path.join(project.root, 'kitty-specs'));
    const journal = journalOf(project);
    expect(codes(importMissions(journal, project))).toEqual(['kitty-specs outside']);
    fs.rmSync(path.join(project.root, 'kitty-specs'));
    fs.mkdirSync(path.join(project.root, 'kitty-specs/real'), { recursive: true });
    fs.symlinkSync(outside, path.join(project.root, 'kitty-specs/linked'));
    fs.symlinkSync(
      path.join(outside, 'status.events.jsonl'),
      path.join(project.root, 'kitty-specs/real/status.events.jsonl'),
    );
    const skipped = ['kitty-specs/linked outside', 'kitty-specs/real/status.events.jsonl outside'];
    expect(codes(importMissions(journal, project))).toEqual(skipped);
    expect(pending(journal, project).skipped).toHaveLength(2);
    expect(readFacts(journal.db).captured).toBe(0);
  });

  it('reports a log that cannot be read and imports the others', () => {
    const project = work();
    put(LOG, lane(1));
    put('kitty-specs/n/status.events.jsonl', lane(2));
    const journal = journalOf(project, { files: tooLargeIn('/m/') });
    expect(importMissions(journal, project)).toMatchObject({
      totals: { captured: 1 },
      skipped: [{ path: LOG, code: 'too_large' }],
    });
    expect(pending(journal, project)).toMatchObject({ lines: 0, skipped: [{ path: LOG }] });
  });

  it('captures a large log in short transactions and can be repeated after a failure between them', () => {
    const project = work();
    put(LOG, lanes(20_000));
    const faults = faultsFrom('capture.commit:3', () => {
      throw new Error('power is gone');
    });
    const journal = journalOf(project, { faults });
    expect(() => importMissions(journal, project)).toThrow('power is gone');
    expect(readFacts(journal.db).captured).toBe(2_000);
    const seen: number[] = [];
    const report = importMissions(journal, project, {
      onProgress: ({ doneBytes, totalBytes }) => seen.push(doneBytes / totalBytes),
    });
    expect(report.totals).toMatchObject({ lines: 20_000, captured: 18_000, known: 2_000 });
    expect(seen).toHaveLength(21);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.at(-1)).toBe(1);
  });

  it('bounds a transaction by bytes too', () => {
    const project = work();
    put(
      LOG,
      Array.from({ length: 40 }, (_, at) => lane(at, `, "a": "${'x'.repeat(400_000)}"`)).join(''),
    );
    let chunks = 0;
    const report = importMissions(journalOf(project), project, { onProgress: () => (chunks += 1) });
    expect(report.totals.captured).toBe(40);
    expect(chunks).toBe(2);
  });

  it('passes the fault point before each log, and forgets nothing of the logs before', () => {
    const project = work();
    put(LOG, lane(1));
    put('kitty-specs/n/status.events.jsonl', lane(2));
    const faults = faultsFrom('import.file:2', () => {
      throw new Error('killed');
    });
    const journal = journalOf(project, { faults });
    expect(() => importMissions(journal, project)).toThrow('killed');
    expect(importMissions(journal, project)).toMatchObject({
      unchangedFiles: 1,
      totals: { captured: 1, known: 0 },
    });
  });

  it('writes no memory of a log without a checkout to hang it on', () => {
    const project = work();
    put(LOG, lane(1));
    const journal = { ...journalOf(project), checkoutId: null };
    importMissions(journal, project);
    expect(importMissions(journal, project)).toMatchObject({ totals: { known: 1 } });
  });

  it('takes inode numbers beyond what a column holds', () => {
    const project = work();
    put(LOG, lane(1));
    const journal = journalOf(project, { files: withInode(2 ** 64) });
    importMissions(journal, project);
    expect(importMissions(journal, project).unchangedFiles).toBe(1);
  });
});

describe('a dry run', () => {
  it('gives the numbers of the import and keeps nothing', () => {
    const project = work();
    put(LOG, lanes(3));
    const journal = journalOf(project);
    importMissions(journal, project);
    put('kitty-specs/n/status.events.jsonl', lane(7) + lane(7) + lane(7, ', "a": 1'));
    put(LOG, `${lane(0)}${lane(1, ', "a": 1')}${lanes(2, 5)}{}\n`);
    const home = path.dirname(path.dirname(journal.db.path));
    const before = filesBelow(home);
    const dry = importMissions(journal, project, { dryRun: true });
    expect(filesBelow(home)).toEqual(before);
    expect(Object.keys(before)).toHaveLength(2);
    expect(dry.totals).toMatchObject({ captured: 3, known: 2, conflicts: 2, badLines: 1 });
    expect({ ...importMissions(journal, project), dryRun: true }).toEqual(dry);
  });

  it('lets a failure of the journal through', () => {
    const project = work();
    put(LOG, lane(1));
    const faults = faultsFrom('capture.commit:2', () => {
      throw new Error('broken');
    });
    const journal = journalOf(project, { faults });
    importMissions(journal, project);
    put(LOG, lane(1) + lane(2));
    expect(() => importMissions(journal, project, { dryRun: true })).toThrow('broken');
  });
});

describe.skipIf(!fs.existsSync(SAMPLES))(
  'real missions (skipped when the samples are absent)',
  () => {
    it('give the same bytes in two homes of two users with other clocks', () => {
      const project = work();
      fs.cpSync(SAMPLES, path.join(project.root, 'kitty-specs'), { recursive: true });
      const copy = projectAt(path.join(root, 'copy'));
      fs.cpSync(SAMPLES, path.join(copy.root, 'kitty-specs'), { recursive: true });
      const ada = journalOf(project, { user: 'ada' });
      const bob = journalOf(copy, { user: 'bob', now: 1_900_000_000_000 });
      const report = importMissions(ada, project);
      expect(report).toMatchObject({ missions: 15, skipped: [] });
      expect(report.totals).toMatchObject({ lines: 376, captured: 376, badLines: 0, conflicts: 0 });
      importMissions(bob, copy);
      expect(rows(bob)).toEqual(rows(ada));
      for (const { payload } of rows(ada)) expect(parseEnvelope(payload).ok).toBe(true);
      expect(report.files.filter((file) => file.foreignProject !== null)).toHaveLength(1);
      expect(importMissions(ada, project)).toMatchObject({ unchangedFiles: 16, files: [] });
    });
  },
);
