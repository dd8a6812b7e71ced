import {
  createLog,
  IntegrityError,
  migrate,
  openDb,
  type Db,
  type Log,
  type Migration,
  type Millis,
  type System,
} from '../base/index.ts';
import { parseProjectId, type ProjectId } from '../wire/index.ts';
import { readCaptureRules, readConfig, type Config } from './config.ts';
import { createHttp, type Http } from './http.ts';
import { keyringOf, type Keyring, type KeyringFinder } from './login/keyring.ts';
import { MACHINE_MIGRATIONS, PROJECT_MIGRATIONS, UNASSIGNED_MIGRATIONS } from './migrations.ts';
import type { CaptureRules } from './modes.ts';
import { homePaths, type Paths, type Place } from './paths.ts';
import type { Project } from './project/project.ts';

export interface StoreOptions {
  /** How long a statement waits for another connection's lock, until the store is asked for again. */
  readonly waitMs?: Millis;
}

/** What was put beside a store last: names and clocks of what follows go on from there. */
export interface SpillMark {
  /** The time in its name, which a clock that was set back must not undercut. */
  readonly wall: Millis;
  readonly lamport: number;
}

/** The one bag of things that live as long as a command: opened at the door, closed at the door. */
export interface Home {
  readonly system: System;
  readonly http: Http;
  readonly log: Log;
  readonly paths: Paths;
  /** The machine's settings, read once. */
  config(): Promise<Config>;
  /** What the settings mean for capture; never fails, because capture goes on whatever they are. */
  captureRules(): Promise<CaptureRules>;
  /** What this machine knows beyond one project; capture never asks for it. */
  machine(): Db;
  /** What belongs to no project, created when absent; it has no table for sending. */
  unassigned(): Db;
  /** One project's store, created when absent. */
  store(id: ProjectId, options?: StoreOptions): Db;
  /** Closes a store whose connection failed; the next call of `store` opens it anew. */
  forgetStore(id: ProjectId): void;
  /** The keyring of this machine's user, looked for once; null where there is none. */
  keyring(): Promise<Keyring | null>;
  /** Origins that were asked for a team that a login lacks. */
  readonly askedForTeams: Set<string>;
  /** What this process put beside each store last, so that it need not look there again. */
  readonly spillMarks: Map<ProjectId, SpillMark>;
  /** The stores that were opened and not forgotten since. */
  openStores(): readonly Db[];
  /** The projects that have a store here, in order of id. */
  projectIds(): readonly ProjectId[];
  close(): void;
}

/**
 * The home of this machine. Nothing is created, opened or read until it is asked for; `config`, `machine` and
 * `store` throw `UserError` for what the operator can mend and `IntegrityError` when a store names another
 * project than its file.
 */
export function openHome(
  system: System,
  http: Http = createHttp(system.env),
  findKeyring: KeyringFinder = keyringOf(system.env),
): Home {
  const paths = homePaths(system);
  const place: Place = { system, paths };
  const stores = new Map<ProjectId, Db>();
  let config: Promise<Config> | null = null;
  let machine: Db | null = null;
  let keyring: Promise<Keyring | null> | null = null;
  const loadConfig = (): Promise<Config> => (config ??= readConfig(place));
  let unassigned: Db | null = null;
  return {
    system,
    http,
    paths,
    log: createLog(system.clock, (line) => {
      appendLog(place, line);
    }),
    config: loadConfig,
    captureRules: () => readCaptureRules(place, loadConfig),
    machine: () => (machine ??= openOwn(place, paths.machine, MACHINE_MIGRATIONS)),
    unassigned: () => (unassigned ??= openOwn(place, paths.unassigned, UNASSIGNED_MIGRATIONS)),
    store: (id, options = {}) => {
      const known = stores.get(id);
      known?.waitAtMost(options.waitMs);
      if (known !== undefined) return known;
      const opened = openStore(place, id, options);
      stores.set(id, opened);
      return opened;
    },
    forgetStore: (id) => {
      stores.get(id)?.close();
      stores.delete(id);
    },
    openStores: () => [...stores.values()],
    spillMarks: new Map(),
    keyring: () => (keyring ??= findKeyring()),
    askedForTeams: new Set(),
    projectIds: () => listProjects(place),
    close: () => {
      for (const store of stores.values()) store.close();
      stores.clear();
      machine?.close();
      machine = null;
      unassigned?.close();
      unassigned = null;
      http.close();
    },
  };
}

/** A store in memory alone, for rehearsals: a project's, or for null the one of what has no project. */
export function memoryStore(system: System, id: ProjectId | null): Db {
  const db = openDb(':memory:', { clock: system.clock });
  const now = system.clock.now();
  migrate(db, id === null ? UNASSIGNED_MIGRATIONS : PROJECT_MIGRATIONS, now);
  if (id !== null) requireProject(db, id, now);
  return db;
}

/** Notes in the machine's file that this project was seen now, under this root and name. */
export function rememberProject(home: Home, project: Project): void {
  home.machine().run(REMEMBER_PROJECT, {
    project_id: project.id,
    slug: project.slug,
    root: project.root,
    now: home.system.clock.now(),
  });
}

/** The number of a checkout in a project's store, given on first sight. `path` is a project's `checkoutPath`. */
export function checkoutId(db: Db, path: string, now: Millis): number {
  return findCheckout(db, path) ?? db.tx(() => addCheckout(db, path, now));
}

/** The number of a checkout that was seen before; null otherwise. */
export function findCheckout(db: Db, path: string): number | null {
  const sql = 'SELECT checkout_id FROM checkouts WHERE path = :path';
  return db.get<{ checkout_id: number }>(sql, { path })?.checkout_id ?? null;
}

const REMEMBER_PROJECT = `
  INSERT INTO projects (project_id, slug, root, last_seen_at) VALUES (:project_id, :slug, :root, :now)
  ON CONFLICT (project_id) DO UPDATE
    SET slug = excluded.slug, root = excluded.root, last_seen_at = excluded.last_seen_at`;

/** Beyond this size a log is put aside, and the one put aside before is gone. */
const MAX_LOG_BYTES = 4_194_304;
const STORE_SUFFIX = '.db';

function addCheckout(db: Db, path: string, now: Millis): number {
  const sql =
    'INSERT INTO checkouts (path, first_seen_at) VALUES (:path, :now) ON CONFLICT DO NOTHING';
  const { rowid } = db.run(sql, { path, now });
  return findCheckout(db, path) ?? rowid;
}

/** A database of this home that is no project's store. */
function openOwn(place: Place, file: string, migrations: readonly Migration[]): Db {
  place.system.files.makeDir(place.paths.root);
  createPrivate(place, file);
  const db = openDb(file, { clock: place.system.clock });
  return prepared(db, () => {
    migrate(db, migrations, place.system.clock.now());
  });
}

function openStore(place: Place, id: ProjectId, options: StoreOptions): Db {
  const { clock, faults, files } = place.system;
  const file = place.paths.projectStore(id);
  files.makeDir(place.paths.projects);
  if (createPrivate(place, file)) faults.at('store.create');
  const db = openDb(file, { clock, ...options });
  return prepared(db, () => {
    migrate(db, PROJECT_MIGRATIONS, clock.now());
    faults.at('store.migrated');
    requireProject(db, id, clock.now());
  });
}

/** SQLite would create the file readable by others; its companions take over the permissions of the file. */
function createPrivate(place: Place, file: string): boolean {
  if (place.system.files.lstat(file) !== null) return false;
  place.system.files.append(file, '');
  return true;
}

/** The connection after `prepare`, or none: a connection whose preparation failed is closed. */
function prepared(db: Db, prepare: () => void): Db {
  try {
    prepare();
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function requireProject(db: Db, id: ProjectId, now: Millis): void {
  const stored = storedProject(db) ?? insertProject(db, id, now);
  if (stored !== id)
    throw new IntegrityError(`${db.path} is the store of project ${stored}, not of ${id}`);
}

function storedProject(db: Db): string | undefined {
  return db.get<{ project_id: string }>('SELECT project_id FROM store')?.project_id;
}

function insertProject(db: Db, id: ProjectId, now: Millis): string {
  const sql = `INSERT INTO store (one, project_id, created_at) VALUES (1, :id, :now) ON CONFLICT DO NOTHING`;
  db.run(sql, { id, now });
  return storedProject(db) ?? id;
}

function listProjects(place: Place): readonly ProjectId[] {
  const ids: ProjectId[] = [];
  for (const name of place.system.files.list(place.paths.projects)) {
    const stem = name.endsWith(STORE_SUFFIX) ? name.slice(0, -STORE_SUFFIX.length) : '';
    const id = parseProjectId(stem);
    if (id === stem) ids.push(id);
  }
  return ids;
}

/** A log that cannot be written never fails the command that wanted to say something. */
function appendLog(place: Place, line: string): void {
  const { files } = place.system;
  const { log, logDir } = place.paths;
  try {
    files.makeDir(logDir);
    if ((files.stat(log)?.size ?? 0) > MAX_LOG_BYTES) files.rename(log, `${log}.1`);
    files.append(log, line, undefined, false);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  }
}
