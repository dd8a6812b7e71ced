import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {
  createLog,
  migrate,
  openDb,
  silentLog,
  systemFiles,
  UserError,
  type Db,
  type Files,
  type System,
} from '../../src/base/index.ts';
import {
  homePaths,
  KEEP_EVERYTHING,
  MACHINE_MIGRATIONS,
  openHome,
  PROJECT_MIGRATIONS,
  type Config,
  type Home,
  type Http,
} from '../../src/home/index.ts';
import { PROJECT_ID } from '../support/envelopes.ts';
import { mortal, type Life } from './life.ts';
import { memoryFiles } from './memory-files.ts';
import type { Timeline } from './timeline.ts';

/** What outlives every process: the databases and the files. */
export interface Disk {
  readonly kind: 'memory' | 'files';
  readonly files: Files;
  /** The user's home directory; checkouts and the product's home lie below it. */
  readonly root: string;
  /** The home as one process opens it. */
  homeOf(life: Life, system: System, http: Http): Home;
  /** The project's store for looking only; null while there is none. */
  view(): Db | null;
  /** Another number after every change of the store. */
  version(): number;
  /** What the operating system does when a process is gone. */
  bury(life: Life): void;
  /** Forgets what was never flushed; false where that cannot be played. */
  losePower(): boolean;
  /** Takes the write lock of the store as another program would; null while there is no store. */
  lock(): (() => void) | null;
  close(): void;
}

const DEFAULT_WAIT_MS = 5_000;

/**
 * One connection in memory stands for the disk; every process gets it through a handle of its own that is dead when
 * the process is. What a dead process left open is rolled back, as SQLite does at the next opening.
 */
export function memoryDisk(timeline: Timeline, config: Config): Disk {
  const root = '/home/sim';
  const clock = timeline.clockOf(UNDYING);
  const files = memoryFiles(() => timeline.wall());
  const store = openDb(':memory:', { clock });
  const machine = openDb(':memory:', { clock });
  migrate(store, PROJECT_MIGRATIONS, timeline.wall());
  migrate(machine, MACHINE_MIGRATIONS, timeline.wall());
  let isLocked = false;
  store.run('INSERT INTO store (one, project_id, created_at) VALUES (1, :id, 0)', {
    id: PROJECT_ID,
  });
  return {
    kind: 'memory',
    files,
    root,
    homeOf: (life, system, http) => ({
      system,
      http,
      log: createLog(system.clock, () => {}),
      paths: homePaths(system),
      config: () => Promise.resolve(config),
      captureRules: () => Promise.resolve(KEEP_EVERYTHING),
      machine: () => mortal(machine, life),
      unassigned: () => mortal(machine, life),
      store: (_id, options) => {
        const patience = { ms: options?.waitMs ?? DEFAULT_WAIT_MS };
        return mortal(store, life, (key, args) => {
          if (key === 'waitAtMost') patience.ms = Number(args[0]);
          if (!isLocked || store.inTransaction || (key !== 'tx' && key !== 'run')) return;
          timeline.stall(patience.ms);
          throw new UserError('busy', 'the store is locked by another process', { remedy: null });
        });
      },
      forgetStore: () => {},
      projectIds: () => [PROJECT_ID],
      openStores: () => [],
      spillMarks: new Map(),
      keyring: () => Promise.resolve(null),
      askedForTeams: new Set(),
      close: () => {},
    }),
    view: () => store,
    version: () => store.get<{ n: number }>('SELECT total_changes() AS n')?.n ?? 0,
    bury: () => {
      for (const db of [store, machine]) if (db.inTransaction) db.exec('ROLLBACK');
    },
    losePower: () => {
      files.losePower();
      return true;
    },
    lock: () => {
      isLocked = true;
      return () => {
        isLocked = false;
      };
    },
    close: () => {
      store.close();
      machine.close();
    },
  };
}

/** A real directory: every process has connections of its own, and the store is made by the first that asks. */
export function fileDisk(timeline: Timeline, config: Config): Disk {
  const root = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'spec-kitty-sim-')));
  const clock = timeline.clockOf(UNDYING);
  const homes = new Map<Life, Home>();
  const storePath = path.join(root, '.spec-kitty', 'projects', `${PROJECT_ID}.db`);
  let view: Db | null = null;
  const look = (): Db | null => {
    if (view !== null || systemFiles.lstat(storePath) === null) return view;
    const opened = openDb(storePath, { clock });
    // The schema is there as a whole or not at all.
    if (opened.get(`SELECT 1 FROM sqlite_schema WHERE name = 'drains'`) === undefined)
      opened.close();
    else view = opened;
    return view;
  };
  mkdirSync(path.join(root, '.spec-kitty'), { recursive: true });
  return {
    kind: 'files',
    files: systemFiles,
    root,
    homeOf: (life, system, http) => {
      const home = openHome(system, http);
      homes.set(life, home);
      return {
        ...home,
        log: silentLog,
        config: () => Promise.resolve(config),
        captureRules: () => Promise.resolve(KEEP_EVERYTHING),
        machine: () => mortal(home.machine(), life),
        store: (id, options) => mortal(home.store(id, options), life),
      };
    },
    view: look,
    version: () => look()?.dataVersion() ?? 0,
    bury: (life) => {
      homes.get(life)?.close();
      homes.delete(life);
    },
    losePower: () => false,
    lock: () => {
      if (look() === null) return null;
      const holder = openDb(storePath, { clock });
      holder.run('BEGIN IMMEDIATE');
      return () => {
        holder.close();
      };
    },
    close: () => {
      for (const home of homes.values()) home.close();
      view?.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** Whoever looks at the disk from outside. */
const UNDYING: Life = {
  pid: 0,
  role: 'observer',
  bornAt: 0,
  state: 'running',
  traps: [],
  injected: [],
  death: new Promise(() => {}),
  die: () => {},
};
