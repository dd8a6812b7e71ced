import { readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { envelope, envelopeBytes, eventId, PROJECT_ID } from '../../test/support/envelopes.ts';
import { ledgerTrial, type LedgerTrial } from '../../test/support/ledger-trial.ts';
import { faultsFrom, sha256Hex, type Faults, type Files, type System } from '../base/index.ts';
import type { Project } from '../home/index.ts';
import type { ProjectId } from '../wire/index.ts';
import type { Fact } from './append.ts';
import { openJournal, type Journal } from './journal.ts';
import { readFacts } from './read.ts';
import { record, takeIn } from './record.ts';
import { lastSpill, listSpill, readSpill, readSpillStatus, writeSpill } from './spill.ts';

const OTHER_PROJECT = '7d1c0b5e-2f4a-4c6d-9e8f-0a1b2c3d4e5f' as ProjectId;
const NOW = 1_760_000_000_000;

const PROJECT: Project = {
  id: PROJECT_ID,
  slug: 'demo',
  repoSlug: null,
  root: '/repo',
  checkoutPath: '/repo',
  git: null,
};

function spill(trial: LedgerTrial, numbers: readonly number[], capturedAt = NOW): string {
  const facts = numbers.map((n) => ({ event: envelope(n), origin: 'emit', source: null }) as const);
  writeSpill(trial.home, PROJECT_ID, { checkoutPath: '/repo', capturedAt, facts });
  return listSpill(trial.home, PROJECT_ID).at(-1) ?? '';
}

function journalOf(trial: LedgerTrial, system: System = trial.system): Journal {
  return { db: trial.db, projectId: PROJECT_ID, checkoutId: trial.checkout, system };
}

function withFaults(trial: LedgerTrial, faults: Faults): LedgerTrial {
  const system = { ...trial.system, faults };
  return { ...trial, system, home: { ...trial.home, system } };
}

function ids(trial: LedgerTrial): readonly string[] {
  const rows = trial.db.all<{ event_id: string }>('SELECT event_id FROM events ORDER BY seq');
  return rows.map((row) => row.event_id);
}

/** A spill file as our own hand could write it, with the hash of its body. */
function handMade(trial: LedgerTrial, header: object, lines: readonly string[]): string {
  const file = path.join(
    trial.home.paths.spillDir(PROJECT_ID),
    `${'9'.repeat(15)}-x-1-000000.ndjson`,
  );
  const body = lines.map((line) => `${line}\n`).join('');
  const whole = {
    format: 1,
    project_uuid: PROJECT_ID,
    checkout: '/repo',
    captured_at: NOW,
    lamport: 1,
    count: lines.length,
    sha256: sha256Hex(body),
    ...header,
  };
  trial.system.files.makeDir(path.dirname(file));
  writeFileSync(file, `${JSON.stringify(whole)}\n${body}`);
  return file;
}

function lineOf(n: number, more: object = {}): string {
  return JSON.stringify({
    origin: 'emit',
    envelope: Buffer.from(envelopeBytes(n)).toString(),
    ...more,
  });
}

describe('a spill file', () => {
  it('is private, says what it holds, and gives back the same bytes', () => {
    const trial = ledgerTrial();
    const file = spill(trial, [3, 1, 2]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(path.dirname(file)).mode & 0o777).toBe(0o700);
    const text = readFileSync(file, 'utf8');
    const header: unknown = JSON.parse(text.slice(0, text.indexOf('\n')));
    expect(header).toEqual({
      format: 1,
      project_uuid: PROJECT_ID,
      checkout: '/repo',
      captured_at: NOW,
      lamport: 3,
      count: 3,
      sha256: sha256Hex(text.slice(text.indexOf('\n') + 1)),
    });
    const read = readSpill(trial.system.files, file, PROJECT_ID);
    expect(read).toMatchObject({ checkoutPath: '/repo', capturedAt: NOW });
    const facts = typeof read === 'string' || read === null ? [] : read.facts;
    expect(facts.map(({ event }) => event.sha256)).toEqual(
      [3, 1, 2].map((n) => envelope(n).sha256),
    );
  });

  it('has a name behind every file that is there, however the clock stands', () => {
    const trial = ledgerTrial();
    const times = [NOW, NOW, NOW - 3_600_000, NOW + 5, 0];
    const written = times.map((time, index) => spill(trial, [index + 1], time));
    expect(listSpill(trial.home, PROJECT_ID)).toEqual(written);
    expect([...written].sort()).toEqual(written);
    expect(path.basename(written[0] ?? '')).toMatch(/^\d{15}-[0-9a-f]{12}-\d+-000000\.ndjson$/);
  });

  it('never takes the name of another', () => {
    const trial = ledgerTrial();
    const original = trial.system.files;
    const taken: string[] = [];
    const files = {
      ...original,
      create: (name: string, data: string | Uint8Array): boolean => {
        if (taken.length > 1) return original.create(name, data);
        taken.push(name);
        return false;
      },
    };
    const system = { ...trial.system, files };
    const file = spill({ ...trial, system, home: { ...trial.home, system } }, [1]);
    expect(path.basename(file)).toMatch(/-000002\.ndjson$/);
  });

  it('tells what was spilled last, as far as it can be read', () => {
    const trial = ledgerTrial();
    expect(lastSpill(trial.home, PROJECT_ID)).toEqual({ wall: 0, lamport: 0 });
    spill(trial, [5, 2]);
    expect(lastSpill(trial.home, PROJECT_ID)).toEqual({ wall: NOW, lamport: 5 });
    trial.home.spillMarks.clear();
    spill(trial, [1]);
    expect(lastSpill(trial.home, PROJECT_ID)).toEqual({ wall: NOW + 1, lamport: 5 });
    trial.home.spillMarks.clear();
    expect(lastSpill(trial.home, PROJECT_ID)).toEqual({ wall: NOW + 1, lamport: 5 });
    const other = ledgerTrial();
    handMade(other, { lamport: 'high' }, []);
    expect(lastSpill(other.home, PROJECT_ID)).toEqual({ wall: 999_999_999_999_999, lamport: 0 });
    const foreign = ledgerTrial();
    foreign.system.files.makeDir(foreign.home.paths.spillDir(PROJECT_ID));
    writeFileSync(path.join(foreign.home.paths.spillDir(PROJECT_ID), 'notes.ndjson'), 'mine');
    expect(lastSpill(foreign.home, PROJECT_ID)).toEqual({ wall: 0, lamport: 0 });
  });
});

describe('taking in', () => {
  it('appends every file in the order of their names and removes them', () => {
    const trial = ledgerTrial();
    spill(trial, [2, 1]);
    spill(trial, [3]);
    expect(readSpillStatus(trial.home, PROJECT_ID)).toEqual({ files: 2, events: 3, corrupt: 0 });
    expect(takeIn(trial.home, journalOf(trial))).toMatchObject({ files: 2, events: 3, corrupt: 0 });
    expect(ids(trial)).toEqual([2, 1, 3].map(eventId));
    expect(readSpillStatus(trial.home, PROJECT_ID)).toEqual({ files: 0, events: 0, corrupt: 0 });
    expect(takeIn(trial.home, journalOf(trial))).toMatchObject({ files: 0, events: 0, corrupt: 0 });
  });

  it('gives each file the checkout it was captured in', () => {
    const trial = ledgerTrial();
    const facts = [{ event: envelope(1), origin: 'emit', source: null }] as const;
    writeSpill(trial.home, PROJECT_ID, { checkoutPath: '/never seen', capturedAt: NOW, facts });
    takeIn(trial.home, journalOf(trial));
    const row = trial.db.get(
      'SELECT c.path FROM events e JOIN checkouts c ON c.checkout_id = e.checkout_id WHERE e.seq = 1',
    );
    expect(row).toEqual({ path: '/never seen' });
  });

  it.each(['spill.ingest', 'capture.commit', 'spill.remove', 'spill.remove:2'])(
    'converges when the process dies at %s',
    (point) => {
      const trial = ledgerTrial();
      spill(trial, [1]);
      spill(trial, [2, 3]);
      const faults = faultsFrom(point, () => {
        throw new Error('power cut');
      });
      const dying = withFaults(trial, faults);
      expect(() => takeIn(dying.home, journalOf(dying, dying.system))).toThrow('power cut');
      takeIn(trial.home, journalOf(trial));
      expect(ids(trial)).toEqual([1, 2, 3].map(eventId));
      expect(readFacts(trial.db).captured).toBe(3);
      expect(listSpill(trial.home, PROJECT_ID)).toEqual([]);
    },
  );

  it('passes over a file that another process has just taken in', () => {
    const trial = ledgerTrial();
    const file = spill(trial, [1]);
    trial.system.files.remove(file);
    expect(readSpill(trial.system.files, file, PROJECT_ID)).toBe('absent');
    const list = (directory: string): readonly string[] => [
      ...trial.system.files.list(directory),
      path.basename(file),
    ];
    const system = { ...trial.system, files: { ...trial.system.files, list } };
    const home = { ...trial.home, system };
    expect(takeIn(home, journalOf(trial, system))).toMatchObject({
      files: 0,
      events: 0,
      corrupt: 0,
    });
  });

  it('keeps a known id with another fact beside the journal, as any capture does', () => {
    const trial = ledgerTrial();
    trial.capture(1);
    const other = envelope(1, { payload: '{"another":"fact"}' });
    const facts = [{ event: other, origin: 'emit', source: null }] as const;
    writeSpill(trial.home, PROJECT_ID, { checkoutPath: '/repo', capturedAt: NOW, facts });
    takeIn(trial.home, journalOf(trial));
    expect(trial.db.get('SELECT incoming_sha256 FROM conflicts')).toEqual({
      incoming_sha256: other.sha256,
    });
  });

  it.each([
    ['cut short', (text: string) => text.slice(0, -40)],
    ['cut at a line', (text: string) => `${text.split('\n').slice(0, 2).join('\n')}\n`],
    ['without a line at all', () => ''],
    ['with one byte changed', (text: string) => text.replace('claimed', 'planned')],
    ['with another count', (text: string) => text.replace('"count":2', '"count":3')],
    ['with something behind it', (text: string) => `${text}{}\n`],
    ['that is no text of ours', () => '\u0000\u0001\n\u0002'],
  ])('puts a file aside that is %s, says so, and takes in the others', (_what, damage) => {
    const trial = ledgerTrial();
    const bad = spill(trial, [1, 2]);
    writeFileSync(bad, damage(readFileSync(bad, 'utf8')));
    spill(trial, [3]);
    expect(takeIn(trial.home, journalOf(trial))).toMatchObject({ files: 1, events: 1, corrupt: 1 });
    expect(ids(trial)).toEqual([eventId(3)]);
    expect(readSpillStatus(trial.home, PROJECT_ID)).toEqual({ files: 0, events: 0, corrupt: 1 });
    expect(readFileSync(trial.home.paths.log, 'utf8')).toContain('spill.corrupt');
    expect(trial.system.files.lstat(`${bad}.corrupt`)?.kind).toBe('file');
  });

  it.each([
    ['a line that is no JSON', {}, ['{']],
    ['a line without an envelope', {}, ['{"origin":"emit"}']],
    ['a line of an unknown origin', {}, [lineOf(1, { origin: 'elsewhere' })]],
    ['an envelope that capture would refuse', {}, [lineOf(1, { envelope: '{}' })]],
    [
      'an event of another project',
      {},
      [
        lineOf(1),
        lineOf(2, {
          envelope: Buffer.from(envelopeBytes(2, { projectId: OTHER_PROJECT })).toString(),
        }),
      ],
    ],
    ['no checkout', { checkout: null }, [lineOf(1)]],
    ['no time', { captured_at: '2026' }, [lineOf(1)]],
    ['half a millisecond', { captured_at: 0.5 }, [lineOf(1)]],
    ['no count', { count: null }, [lineOf(1)]],
  ])('puts a file aside that holds %s, and goes on working', (_what, header, lines) => {
    const trial = ledgerTrial();
    handMade(trial, header, lines);
    const facts = [{ event: envelope(9), origin: 'emit', source: null }] as const;
    expect(record(trial.home, PROJECT, facts)).toMatchObject([{ status: 'captured' }]);
    expect(ids(trial)).toEqual([eventId(9)]);
    expect(readSpillStatus(trial.home, PROJECT_ID)).toMatchObject({ files: 0, corrupt: 1 });
  });

  it('puts a link aside that leads out of the directory', () => {
    const trial = ledgerTrial();
    const file = spill(trial, [1]);
    const elsewhere = path.join(trial.system.cwd, 'elsewhere.ndjson');
    trial.system.files.rename(file, elsewhere);
    trial.system.files.makeDir(file);
    expect(takeIn(trial.home, journalOf(trial))).toMatchObject({ files: 0, corrupt: 1 });
    expect(ids(trial)).toEqual([]);
  });

  it('is not confused by a file with a foreign name', () => {
    const trial = ledgerTrial();
    trial.system.files.makeDir(trial.home.paths.spillDir(PROJECT_ID));
    writeFileSync(path.join(trial.home.paths.spillDir(PROJECT_ID), 'notes.ndjson'), 'mine');
    writeFileSync(path.join(trial.home.paths.spillDir(PROJECT_ID), 'half.tmp'), 'not there yet');
    spill(trial, [1]);
    spill(trial, [2]);
    expect(takeIn(trial.home, journalOf(trial))).toMatchObject({ files: 2, events: 2, corrupt: 1 });
    expect(ids(trial)).toEqual([1, 2].map(eventId));
  });
});

describe('a disk that does not answer', () => {
  const failing = (trial: LedgerTrial, files: Partial<Files>): LedgerTrial => {
    const system = { ...trial.system, files: { ...trial.system.files, ...files } };
    return { ...trial, system, home: { ...trial.home, system } };
  };
  const fact = (n: number): Fact => ({ event: envelope(n), origin: 'emit', source: null });

  it('leaves a file alone that cannot be read now, and lets nobody overtake it', () => {
    const sound = ledgerTrial();
    const file = spill(sound, [1]);
    const trial = failing(sound, {
      readInside: (root, name, most) =>
        name === file
          ? { ok: false, reason: 'unreadable' }
          : sound.system.files.readInside(root, name, most),
    });
    expect(record(trial.home, PROJECT, [fact(2)])).toMatchObject([{ status: 'spilled' }]);
    expect(takeIn(trial.home, journalOf(trial))).toMatchObject({ files: 1, corrupt: 0 });
    expect(listSpill(sound.home, PROJECT_ID)).toEqual([file]);
    takeIn(sound.home, journalOf(sound));
    expect([...ids(sound)].sort()).toEqual([1, 2].map(eventId).sort());
  });

  it('never makes a capture fail that is in the journal', () => {
    const sound = ledgerTrial();
    const file = spill(sound, [1]);
    const trial = failing(sound, {
      remove: () => {
        throw Object.assign(new Error('read-only'), { code: 'EROFS' });
      },
    });
    expect(record(trial.home, PROJECT, [fact(2)])).toMatchObject([{ status: 'captured' }]);
    expect(record(trial.home, PROJECT, [fact(3)])).toMatchObject([{ status: 'captured' }]);
    expect(ids(trial)).toEqual([1, 2, 3].map(eventId));
    expect(listSpill(sound.home, PROJECT_ID)).toEqual([file]);
  });

  it('is rid of what a process left half written, once nobody can be writing it any more', () => {
    const trial = ledgerTrial();
    trial.system.files.makeDir(trial.home.paths.spillDir(PROJECT_ID));
    const [old, fresh] = ['old.tmp', 'fresh.tmp'].map((name) =>
      path.join(trial.home.paths.spillDir(PROJECT_ID), name),
    );
    for (const [file = '', age] of [
      [old, 3_700],
      [fresh, 60],
    ] as const) {
      writeFileSync(file, 'half');
      utimesSync(file, 0, trial.clock.now() / 1000 - age);
    }
    takeIn(trial.home, journalOf(trial));
    expect(trial.system.files.list(trial.home.paths.spillDir(PROJECT_ID))).toEqual(['fresh.tmp']);
  });
});

describe('openJournal', () => {
  it('makes the store and knows the checkout by its path', () => {
    const trial = ledgerTrial();
    const journal = openJournal(trial.home, PROJECT);
    expect(journal).toMatchObject({ projectId: PROJECT_ID, checkoutId: trial.checkout });
    const elsewhere = openJournal(trial.home, { ...PROJECT, checkoutPath: '/somewhere new' });
    expect(elsewhere.checkoutId).toBeGreaterThan(trial.otherCheckout);
  });
});
