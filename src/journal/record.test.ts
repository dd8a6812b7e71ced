import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { envelope, envelopeBytes, eventId, PROJECT_ID } from '../../test/support/envelopes.ts';
import { manualClock, type ManualClock } from '../../test/support/manual-clock.ts';
import { refusal } from '../../test/support/refusal.ts';
import { tempDir, testSystem } from '../../test/support/temp-home.ts';
import { openDb, type Db, type Files, type System } from '../base/index.ts';
import { openHome, type Home, type Project } from '../home/index.ts';
import { parseEnvelope, type EventId, type ProjectId } from '../wire/index.ts';
import type { Fact } from './append.ts';
import { readHead } from './head.ts';
import { openJournal } from './journal.ts';
import { readFacts } from './read.ts';
import type { Draft } from './draft.ts';
import { emit, record, takeIn, type Kept } from './record.ts';
import { readSpillStatus } from './spill.ts';

const OTHER_PROJECT = '7d1c0b5e-2f4a-4c6d-9e8f-0a1b2c3d4e5f' as ProjectId;
const BUDGET_MS = 250;

interface Machine {
  readonly home: Home;
  readonly clock: ManualClock;
  readonly project: Project;
  /** Another process with the store's write lock. */
  lock(): Db;
}

function machine(more: Partial<System> = {}): Machine {
  const dir = tempDir();
  const clock = manualClock();
  const home = openHome({ ...testSystem(dir), clock, ...more });
  const checkoutPath = path.join(dir, 'repo');
  onTestFinished(() => {
    home.close();
  });
  const project = {
    id: PROJECT_ID,
    slug: 'demo',
    repoSlug: null,
    root: checkoutPath,
    checkoutPath,
    git: null,
  };
  return {
    home,
    clock,
    project,
    lock: () => {
      const other = openDb(home.paths.projectStore(PROJECT_ID), { clock });
      onTestFinished(() => {
        other.close();
      });
      other.exec('BEGIN IMMEDIATE');
      return other;
    },
  };
}

function facts(...numbers: readonly number[]): readonly Fact[] {
  return numbers.map((n) => ({ event: envelope(n), origin: 'envelope', source: null }));
}

function keep(
  { home, project }: Machine,
  ...numbers: readonly number[]
): readonly Kept['status'][] {
  return record(home, project, facts(...numbers)).map((each) => each.status);
}

function draft(n: number, more: Partial<Draft> = {}): Draft {
  return {
    eventId: eventId(n),
    eventType: 'WPStatusChanged',
    aggregateId: 'WP01',
    aggregateType: 'WorkPackage',
    payload: Buffer.from('{"wp_id":"WP01"}'),
    causationId: null,
    timestamp: '2026-03-14T09:26:53.000Z',
    teamSlug: null,
    projectSlug: 'demo',
    gitBranch: 'main',
    headCommitSha: null,
    repoSlug: null,
    ...more,
  };
}

function journalOf({ home, project }: Machine): ReturnType<typeof openJournal> {
  return openJournal(home, project);
}

/** The journal's ids in order. */
function ids(on: Machine): readonly string[] {
  const rows = journalOf(on).db.all<{ event_id: string }>(
    'SELECT event_id FROM events ORDER BY seq',
  );
  return rows.map((row) => row.event_id);
}

function spillFiles({ home }: Machine): readonly string[] {
  return home.system.files.list(home.paths.spillDir(PROJECT_ID));
}

function clocksInJournal(on: Machine): readonly number[] {
  const rows = journalOf(on).db.all<{ payload: Buffer }>(
    'SELECT payload FROM event_payloads ORDER BY seq',
  );
  return rows.map((row) => {
    const parsed = parseEnvelope(row.payload);
    return parsed.ok ? parsed.value.envelope.lamportClock : -1;
  });
}

describe('record', () => {
  it('writes into the journal when it can', () => {
    const on = machine();
    expect(keep(on, 1, 2)).toEqual(['captured', 'captured']);
    expect(keep(on, 2)).toEqual(['known']);
    expect(ids(on)).toEqual([eventId(1), eventId(2)]);
    expect(spillFiles(on)).toEqual([]);
  });

  it('keeps facts beside a locked store within its budget, and the next command takes them in', () => {
    const on = machine();
    keep(on, 1);
    const holder = on.lock();
    const start = on.clock.monotonic();
    expect(keep(on, 2, 3)).toEqual(['spilled', 'spilled']);
    const took = on.clock.monotonic() - start;
    expect(took).toBeGreaterThanOrEqual(BUDGET_MS);
    expect(took).toBeLessThan(2 * BUDGET_MS);
    expect(readSpillStatus(on.home, PROJECT_ID)).toEqual({ files: 1, events: 2, corrupt: 0 });
    holder.exec('ROLLBACK');
    expect(keep(on, 4)).toEqual(['captured']);
    expect(ids(on)).toEqual([1, 2, 3, 4].map(eventId));
    expect(spillFiles(on)).toEqual([]);
  });

  it('keeps the bytes, the checkout and the time of what it kept beside the store', () => {
    const on = machine();
    keep(on, 1);
    const holder = on.lock();
    const odd = Buffer.from(envelopeBytes(2))
      .toString()
      .replace('"n":2', '"n":2.0, "\\u0061": "ü\\n"');
    const parsed = parseEnvelope(Buffer.from(odd));
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
    record(on.home, on.project, [{ event: parsed.value, origin: 'envelope', source: null }]);
    const capturedAt = on.clock.now();
    holder.exec('ROLLBACK');
    on.clock.move(60_000);
    takeIn(on.home, journalOf(on));
    const { db, checkoutId } = journalOf(on);
    const row = db.get('SELECT sha256, checkout_id, captured_at, origin FROM events WHERE seq = 2');
    expect(row).toEqual({
      sha256: parsed.value.sha256,
      checkout_id: checkoutId,
      captured_at: capturedAt,
      origin: 2,
    });
    const payload = db.get<{ payload: Buffer }>('SELECT payload FROM event_payloads WHERE seq = 2');
    expect(payload?.payload.toString()).toBe(odd);
  });

  it('keeps the order of facts, also when the clock is set back and another process writes', () => {
    const on = machine();
    keep(on, 1);
    const holder = on.lock();
    const pids = [900, 100, 500, 20];
    for (const [index, pid] of pids.entries()) {
      const { system } = on.home;
      const other = { ...on.home, system: { ...system, host: { ...system.host, pid } } };
      keep({ ...on, home: other }, index + 2);
      on.clock.setWall(on.clock.now() - 3_600_000);
    }
    holder.exec('ROLLBACK');
    keep(on, 6);
    expect(ids(on)).toEqual([1, 2, 3, 4, 5, 6].map(eventId));
  });

  it('needs no store at all: one that cannot be opened costs no fact', () => {
    const on = machine();
    on.home.system.files.makeDir(on.home.paths.projects);
    const store = on.home.paths.projectStore(PROJECT_ID);
    writeFileSync(store, 'these bytes are no database '.repeat(40));
    expect(keep(on, 1)).toEqual(['spilled']);
    expect(readFileSync(store, 'utf8')).toContain('these bytes are no database');
    on.home.system.files.remove(store);
    expect(keep(on, 2)).toEqual(['captured']);
    expect(ids(on)).toEqual([eventId(1), eventId(2)]);
  });

  it('goes beside a store that a newer program has changed', () => {
    const on = machine();
    keep(on, 1);
    journalOf(on).db.exec(
      `PRAGMA user_version = 999; INSERT INTO migrations VALUES (999, 'new', '', 1, 1)`,
    );
    on.home.forgetStore(PROJECT_ID);
    expect(keep(on, 2)).toEqual(['spilled']);
  });

  it('goes beside a store whose disk is full, and says so when there is no place at all', () => {
    const on = machine();
    keep(on, 1);
    journalOf(on).db.exec('PRAGMA max_page_count = 1');
    const large = envelope(2, { payload: JSON.stringify({ text: 'x'.repeat(100_000) }) });
    const fact = { event: large, origin: 'envelope', source: null } as const;
    expect(record(on.home, on.project, [fact])).toMatchObject([{ status: 'spilled' }]);
    const full = {
      ...on.home,
      system: { ...on.home.system, files: fullDisk(on.home.system.files) },
    };
    const holder = on.lock();
    const error = refusal(() => record(full, on.project, facts(3)));
    expect(error.code).toBe('capture_failed');
    expect(error.message).toContain('nothing was recorded');
    holder.exec('ROLLBACK');
    keep(on, 4);
    expect(ids(on)).toEqual([1, 2, 4].map(eventId));
  });

  it('refuses a fact of another project and keeps nothing of it, beside the store neither', () => {
    const on = machine();
    const foreign = {
      event: envelope(2, { projectId: OTHER_PROJECT }),
      origin: 'envelope',
      source: null,
    } as const;
    expect(refusal(() => record(on.home, on.project, [foreign])).code).toBe('capture_failed');
    const holder = on.lock();
    const mixed = [...facts(1), foreign];
    expect(refusal(() => record(on.home, on.project, mixed)).code).toBe('capture_failed');
    expect(spillFiles(on)).toEqual([]);
    holder.exec('ROLLBACK');
    expect(keep(on, 1)).toEqual(['captured']);
  });

  it('lets a bug through instead of hiding it beside the store, or behind a full disk', () => {
    const on = machine();
    const create = (): never => {
      throw new TypeError('a bug');
    };
    const { system: whole } = on.home;
    const home = { ...on.home, system: { ...whole, files: { ...whole.files, create } } };
    keep(on, 9);
    const holder = on.lock();
    expect(() => record(home, on.project, facts(1))).toThrow(TypeError);
    holder.exec('ROLLBACK');
    const faults = {
      at: () => {
        throw new TypeError('a bug');
      },
    };
    const broken = { ...on.home, system: { ...on.home.system, faults } };
    expect(() => record(broken, on.project, facts(1))).toThrow(TypeError);
    expect(spillFiles(on)).toEqual([]);
  });

  it('takes in what it can and goes beside the store when its time is up', () => {
    const on = machine();
    keep(on, 1);
    const holder = on.lock();
    for (const n of [2, 3, 4]) keep(on, n);
    holder.exec('ROLLBACK');
    const { system } = on.home;
    const slow = {
      at: (point: string) => {
        if (point === 'spill.ingest') on.clock.move(200);
      },
    };
    expect(keep({ ...on, home: { ...on.home, system: { ...system, faults: slow } } }, 5)).toEqual([
      'spilled',
    ]);
    expect(ids(on)).toEqual([1, 2, 3].map(eventId));
    expect(spillFiles(on)).toHaveLength(2);
    keep(on, 6);
    expect(ids(on)).toEqual([1, 2, 3, 4, 5, 6].map(eventId));
  });
});

/** Every new file fails for want of space. */
function fullDisk(files: Files): Files {
  const fail = (): never => {
    throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
  };
  return { ...files, create: fail, write: fail };
}

describe('emit', () => {
  it('gives its events the node, the project and the next values of the clock', () => {
    const on = machine();
    keep(on, 1);
    const receipts = emit(on.home, on.project, [draft(2), draft(3)]);
    expect(receipts.map((each) => [each.status, each.seq])).toEqual([
      ['captured', 2],
      ['captured', 3],
    ]);
    expect(clocksInJournal(on)).toEqual([1, 2, 3]);
    const [, row] = journalOf(on).db.all<{ payload: Buffer }>('SELECT payload FROM event_payloads');
    expect(JSON.parse(row?.payload.toString() ?? '')).toMatchObject({
      node_id: readHead(journalOf(on).db, on.home.system.host).nodeId,
      project_uuid: PROJECT_ID,
      payload: { wp_id: 'WP01' },
    });
    expect(journalOf(on).db.get('SELECT origin FROM events WHERE seq = 2')).toEqual({ origin: 1 });
  });

  it('counts on beside a locked store, from the last value that can be read', () => {
    const on = machine();
    emit(on.home, on.project, [draft(1)]);
    const holder = on.lock();
    emit(on.home, on.project, [draft(2), draft(3)]);
    emit(on.home, on.project, [draft(4)]);
    holder.exec('ROLLBACK');
    emit(on.home, on.project, [draft(5)]);
    expect(clocksInJournal(on)).toEqual([1, 2, 3, 4, 5]);
  });

  it('counts from one where there was never a store to read', () => {
    const on = machine();
    on.home.system.files.makeDir(on.home.paths.projectStore(PROJECT_ID));
    expect(emit(on.home, on.project, [draft(1)])).toMatchObject([{ status: 'spilled' }]);
    const [file = ''] = spillFiles(on);
    const text = readFileSync(path.join(on.home.paths.spillDir(PROJECT_ID), file), 'utf8');
    expect(text).toContain('\\"lamport_clock\\":1');
  });

  it('is not led astray by an absurd clock beside the store', () => {
    const on = machine();
    keep(on, 1);
    const holder = on.lock();
    const absurd = envelope(2, { lamport: Number.MAX_SAFE_INTEGER });
    record(on.home, on.project, [{ event: absurd, origin: 'envelope', source: null }]);
    emit(on.home, on.project, [draft(3)]);
    holder.exec('ROLLBACK');
    takeIn(on.home, journalOf(on));
    expect(clocksInJournal(on)).toEqual([1, Number.MAX_SAFE_INTEGER, 2]);
  });

  it('stores nothing when one of its events is not an envelope, wherever it would have gone', () => {
    const on = machine();
    const bad = [draft(1), draft(2, { timestamp: 'yesterday' })];
    const error = refusal(() => emit(on.home, on.project, bad));
    expect(error).toMatchObject({ code: 'envelope_invalid', details: { pointer: '/timestamp' } });
    expect(readFacts(journalOf(on).db).captured).toBe(0);
    const holder = on.lock();
    expect(refusal(() => emit(on.home, on.project, bad)).code).toBe('envelope_invalid');
    expect(spillFiles(on)).toEqual([]);
    holder.exec('ROLLBACK');
  });

  it('may be repeated after any failure, for its ids were made before', () => {
    const on = machine();
    keep(on, 9);
    const holder = on.lock();
    emit(on.home, on.project, [draft(1)]);
    emit(on.home, on.project, [draft(1)]);
    holder.exec('ROLLBACK');
    emit(on.home, on.project, [draft(1)]);
    expect(ids(on).filter((id) => id === eventId(1))).toEqual([eventId(1)]);
    expect(readdirSync(on.home.paths.projects).filter((name) => name.endsWith('.corrupt'))).toEqual(
      [],
    );
  });

  it('names the whole document when an envelope as such is refused', () => {
    const on = machine();
    const tooLarge = draft(1, {
      payload: Buffer.from(JSON.stringify({ text: 'x'.repeat(600_000) })),
    });
    const error = refusal(() => emit(on.home, on.project, [tooLarge]));
    expect(error.code).toBe('envelope_invalid');
    expect(error.message).toMatch(/^\//);
    expect(
      refusal(() => emit(on.home, on.project, [draft(1, { eventId: 'x' as EventId })])).message,
    ).toContain('/event_id');
  });
});
