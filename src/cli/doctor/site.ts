import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openDb, UserError, type Db, type System } from '../../base/index.ts';

/** A home and a project of the self-test's own; nothing outside of its directory is touched. */
export interface Site {
  readonly system: System;
  readonly dir: string;
  readonly home: string;
  readonly root: string;
  /** The file of the project's store. */
  store(): string;
  /** The log of its one mission. */
  readonly mission: string;
  /** Types a command line, as into one shell: what it exports stays. */
  type(line: string, input?: string): Typed;
  /** Opens a database of the site for as long as `use` lasts. */
  open<T>(file: string, use: (db: Db) => T): T;
  /** From now on every command finds this in its environment. */
  set(name: string, value: string): void;
  write(file: string, text: string): void;
  remove(): void;
}

export interface Typed {
  readonly exit: number;
  readonly stdout: string;
}

const LINE = `{"actor":"self-test","at":"2026-09-01T08:00:00Z","event_id":"01M1E6PKC46CQ643DZVMXXQKFB","evidence":null,"execution_mode":"worktree","force":false,"from_lane":"planned","mission_slug":"001-self-test","reason":null,"review_ref":null,"to_lane":"doing","wp_id":"WP01"}\n`;
/** The receiver of a site: a file beside its missions. */
export const STUB = 'events.ndjson';
/** As a shell finds it: at the beginning, and behind another command. */
const OURS = /(^|&& )spec-kitty /g;
const EXPORT = /^export (\w+)=(\S*)$/;
const LONGEST_COMMAND_MS = 60_000;

/** A site with one mission, an identity, a receiver that is a file, and everything delivered. */
export function createSite(system: System): Site {
  const { program } = system;
  if (program.script === null || system.host.platform === 'win32') {
    throw new UserError('usage', 'the self-test needs a shell and an installed program', {
      remedy: 'spec-kitty sync doctor',
    });
  }
  const script = program.script;
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'spec-kitty-self-test-'));
  const [home, root] = [path.join(dir, 'home'), path.join(dir, 'repo')];
  const mission = path.join(root, 'kitty-specs', '001-self-test', 'status.events.jsonl');
  const env = new Map<string, string | undefined>([
    ['HOME', dir],
    ['SPEC_KITTY_HOME', home],
    ['SPEC_KITTY_SYNC_ARTIFACTS', '0'],
    ['SPEC_KITTY_KEYRING', '0'],
    ['PATH', system.env['PATH']],
  ]);
  const type: Site['type'] = (line, input = '') => {
    const [, name, value] = EXPORT.exec(line) ?? [];
    if (name !== undefined) env.set(name, value);
    const text = line.replaceAll(OURS, (_, before: string) => `${before}"$0" "$1" `);
    const done = spawnSync('/bin/sh', ['-c', text, program.executable, script], {
      cwd: root,
      env: Object.fromEntries(env),
      encoding: 'utf8',
      timeout: LONGEST_COMMAND_MS,
      input,
    });
    return { exit: done.status ?? 1, stdout: done.stdout };
  };
  write(path.join(root, '.git', 'HEAD'), 'ref: refs/heads/main\n');
  write(mission, LINE);
  const site: Site = {
    system,
    dir,
    home,
    root,
    mission,
    type,
    write,
    set: (name, value) => {
      env.set(name, value);
    },
    store: () => path.join(home, 'projects', storeName(home)),
    open: (file, use) => {
      const db = openDb(file, { clock: system.clock });
      try {
        return use(db);
      } finally {
        db.close();
      }
    },
    remove: () => {
      type('spec-kitty daemon stop');
      type('spec-kitty receiver stop');
      fs.rmSync(dir, { recursive: true, force: true });
    },
  };
  for (const line of [
    'spec-kitty init',
    `spec-kitty sync mode EXTERNAL_RECEIVER --endpoint stub:${STUB}`,
    'spec-kitty sync now',
  ]) {
    if (type(line).exit !== 0) throw new UserError('usage', `\`${line}\` failed`, { remedy: null });
  }
  return site;
}

function write(file: string, text: string): void {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
}

function storeName(home: string): string {
  return fs.readdirSync(path.join(home, 'projects')).find((name) => name.endsWith('.db')) ?? '';
}
