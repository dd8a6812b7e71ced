import {
  appendFileSync,
  existsSync,
  openSync,
  closeSync,
  writeSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import {
  createMachine,
  EXAMPLE_FACTS,
  EXAMPLE_MISSIONS,
  type Machine,
} from '../support/command-line.ts';
import { realReceiver } from '../support/real-receiver.ts';
import { balancedBooks, projectIdOf, storeFile } from '../support/store-view.ts';

// Everything that lies on the disk is deleted or spoiled in turn. Nobody says that all is well, each command that is
// printed as a remedy is typed as it stands, and afterwards all is well.

interface Scene {
  readonly machine: Machine;
  readonly root: string;
  readonly url: string;
  readonly store: string;
  readonly run: (...words: string[]) => ReturnType<Machine['run']>;
}

/** A project whose mission logs and one event of its own are delivered. */
async function scene(): Promise<Scene> {
  const machine = createMachine();
  const root = await machine.project('repo', EXAMPLE_MISSIONS);
  const run: Scene['run'] = (...words) => machine.run(words, { cwd: root });
  const { url } = await realReceiver();
  const here = { machine, root, url, store: storeFile(machine, root), run };
  await emit(here, 'ci-1');
  await pointAt(here);
  expect((await run('sync', 'now')).exit).toBe(0);
  expect((await run('sync', 'status', '--check')).exit).toBe(0);
  expect((await run('sync', 'verify')).exit).toBe(0);
  return here;
}

async function emit({ run }: Scene, build: string): Promise<void> {
  const payload = JSON.stringify({ build_id: build });
  expect((await run('emit', 'BuildHeartbeat', '--payload', payload)).exit).toBe(0);
}

async function pointAt({ run, url }: Scene): Promise<void> {
  expect((await run('sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', url)).exit).toBe(0);
}

/** Changes a store behind the product's back, its guards switched off. */
function spoil({ store }: Scene, sql: string): void {
  const db = new Database(store);
  db.pragma('foreign_keys = OFF');
  for (const { name } of db
    .prepare(`SELECT name FROM sqlite_schema WHERE type = 'trigger'`)
    .all() as { name: string }[]) {
    db.exec(`DROP TRIGGER ${name}`);
  }
  db.exec(sql);
  db.close();
}

/** Every remedy that a command printed. */
function remedies(text: string): readonly string[] {
  return [...text.matchAll(/`spec-kitty (sync verify --repair)`/g)].map(([, words]) => words ?? '');
}

interface Damage {
  readonly what: string;
  readonly spoil: (scene: Scene) => void | Promise<void>;
  /** A flaw that verification must name. */
  readonly code: string;
  /** Whether the targets have to be named again. */
  readonly losesTargets?: boolean;
  /** Only a look at every payload or line finds it: other commands need not notice. */
  readonly isHidden?: boolean;
}

const DAMAGES: readonly Damage[] = [
  {
    what: 'a delivery row is deleted',
    spoil: (at) => spoil(at, 'DELETE FROM event_deliveries WHERE seq = 2'),
    code: 'deliveries_wrong',
  },
  {
    what: 'a counter is wrong',
    spoil: (at) => spoil(at, 'UPDATE delivery_counts SET n = n + 1 WHERE state = 2'),
    code: 'deliveries_wrong',
  },
  {
    what: 'a journal row is deleted and its payload is left',
    spoil: (at) => spoil(at, 'DELETE FROM events WHERE seq = 3'),
    code: 'event_damaged',
  },
  {
    what: 'a journal row is deleted with its payload',
    spoil: (at) =>
      spoil(at, 'DELETE FROM events WHERE seq = 3; DELETE FROM event_payloads WHERE seq = 3'),
    code: 'event_damaged',
  },
  {
    what: 'the last journal row is deleted',
    spoil: (at) =>
      spoil(
        at,
        `DELETE FROM events WHERE seq = ${LAST}; DELETE FROM event_payloads WHERE seq = ${LAST}`,
      ),
    code: 'event_damaged',
  },
  {
    what: 'a payload is changed',
    spoil: (at) =>
      spoil(
        at,
        `UPDATE event_payloads SET payload = CAST(replace(payload, 'ci-1', 'ci-2') AS BLOB)`,
      ),
    code: 'event_damaged',
    isHidden: true,
  },
  {
    what: 'a payload is deleted',
    spoil: (at) => spoil(at, 'DELETE FROM event_payloads WHERE seq = 4'),
    code: 'event_damaged',
  },
  {
    what: 'the counters of the journal are wrong',
    spoil: (at) => spoil(at, 'UPDATE journal_head SET captured = captured + 3'),
    code: 'counters_wrong',
  },
  {
    what: 'the store is deleted',
    spoil: ({ store }) => removeStore(store),
    code: 'journal_broken',
    losesTargets: true,
  },
  {
    what: 'the store is cut to nothing',
    spoil: ({ store }) => {
      removeStore(store);
      writeFileSync(store, '');
    },
    code: 'journal_broken',
    losesTargets: true,
  },
  {
    what: 'the store is no database any more',
    spoil: ({ store }) => {
      removeStore(store);
      writeFileSync(store, 'not a database '.repeat(1_000));
    },
    code: 'store_damaged',
    losesTargets: true,
  },
  {
    what: 'pages in the middle of the store are overwritten',
    spoil: ({ store }) => overwrite(store),
    code: 'store_damaged',
    losesTargets: true,
    isHidden: true,
  },
  {
    what: 'an older copy of the store is put back',
    spoil: async (at) => {
      const copy = readFileSync(checkpointed(at.store));
      await emit(at, 'ci-late');
      expect((await at.run('sync', 'now')).exit).toBe(0);
      removeStore(at.store);
      writeFileSync(at.store, copy);
    },
    code: 'journal_broken',
  },
  {
    what: 'the log beside the store is deleted',
    spoil: async (at) => {
      checkpointed(at.store);
      const copy = readFileSync(at.store);
      await emit(at, 'ci-late');
      expect((await at.run('sync', 'now')).exit).toBe(0);
      // What a checkpoint had not yet taken over is gone with the log.
      removeStore(at.store);
      writeFileSync(at.store, copy);
    },
    code: 'journal_broken',
  },
  {
    what: 'the file of the machine is no database any more',
    spoil: ({ machine }) => {
      for (const end of ['', '-wal', '-shm']) {
        rmSync(path.join(machine.home, `machine.db${end}`), { force: true });
      }
      writeFileSync(path.join(machine.home, 'machine.db'), 'nothing '.repeat(500));
    },
    code: 'machine_damaged',
  },
  {
    what: 'a spill file is torn',
    spoil: ({ machine, root }) => tornSpill(machine, root),
    code: 'spill_torn',
  },
  {
    what: 'the configuration is torn',
    spoil: ({ machine }) => appendFileSync(path.join(machine.home, 'config.toml'), '\n[sync\n='),
    code: 'config_corrupt',
  },
];

const LAST = EXAMPLE_FACTS + 1;

function removeStore(store: string): void {
  for (const end of ['', '-wal', '-shm']) rmSync(`${store}${end}`, { force: true });
}

function checkpointed(store: string): string {
  const db = new Database(store);
  db.pragma('wal_checkpoint(TRUNCATE)');
  db.close();
  return store;
}

function overwrite(store: string): void {
  checkpointed(store);
  const fd = openSync(store, 'r+');
  const { size } = statSync(store);
  for (let at = 4_096 * 12; at < size; at += 4_096 * 7)
    writeSync(fd, Buffer.alloc(4_096, 0x5a), 0, 4_096, at);
  closeSync(fd);
}

function tornSpill(machine: Machine, root: string): void {
  const folder = path.join(machine.home, 'projects', `${projectIdOf(root)}.spill`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    path.join(folder, '000000000000001-aaaaaaaaaaaa-1-000000.ndjson.corrupt'),
    '{"count":2}\n{"orig',
  );
}

describe('when', () => {
  it.each(DAMAGES)('$what, it is said, and the remedy mends it', async (damage) => {
    const at = await scene();
    await damage.spoil(at);

    const looked = await at.run('sync', 'verify', '--json');
    expect(looked.exit).toBe(3);
    expect(JSON.stringify(looked.json['flaws'])).toContain(`"code":"${damage.code}"`);
    const status = await at.run('sync', 'status', '--check');
    if (damage.isHidden !== true) {
      expect(status.exit).not.toBe(0);
      expect(status.stdout).not.toContain('Check passed');
      expect(remedies(status.stdout + status.stderr)).not.toEqual([]);
    }
    const people = await at.run('sync', 'verify');
    const [remedy = ''] = remedies(people.stdout);
    const repaired = await at.run(...remedy.split(' '));
    expect([repaired.exit, repaired.stdout, repaired.stderr]).toEqual([0, repaired.stdout, '']);
    expect(repaired.stdout).toContain('Nothing is wrong any more');

    expect((await at.run('sync', 'verify', '--json')).json).toMatchObject({ intact: true });
    if (damage.losesTargets === true) await pointAt(at);
    const now = await at.run('sync', 'now');
    expect([now.exit, now.stdout]).toEqual([0, now.stdout]);
    const check = await at.run('sync', 'status', '--check');
    expect([check.exit, check.stdout]).toEqual([0, check.stdout]);
    await balancedBooks(at.machine, at.root);
  });
});

it('keeps a copy of what it mends, and never what was put aside out of sight', async () => {
  const at = await scene();
  writeFileSync(at.store, 'not a database');
  rmSync(`${at.store}-wal`, { force: true });
  await at.run('sync', 'verify', '--repair');
  const names = readdirSync(path.dirname(at.store));
  expect(names.filter((name) => name.includes('.damaged-'))).not.toEqual([]);
  expect(existsSync(at.store)).toBe(true);
});

it('begins a new epoch with a journal that was lost', async () => {
  const at = await scene();
  removeStore(at.store);
  const lost = await at.run('sync', 'now', '--json');
  expect(lost).toMatchObject({ exit: 3, json: { error: { code: 'journal_broken' } } });
  const elsewhere = await at.machine.run(['sync', 'status', '--json'], { cwd: at.machine.dir });
  expect(elsewhere.exit).toBe(3);
  const repaired = await at.run('sync', 'verify', '--repair', '--json');
  expect(repaired.json).toMatchObject({ store_epoch: 2, recovered: EXAMPLE_FACTS });
});
