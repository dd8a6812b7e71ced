import path from 'node:path';
import process from 'node:process';
import { errnoOf, isSystemError, type Files, type Millis } from '../base/index.ts';
import { homePaths, type Place } from '../home/index.ts';
import type { UpstreamOwner } from './upstream-owner.ts';

/** What the Python daemon's command line holds, in every version. */
const MARK = 'run_sync_daemon';
/** Since June 2026 it also names its place, so that daemons of other homes are told apart. */
const ROOT_MARK = '--spec-kitty-daemon-root=';
const TICKS_PER_SECOND = 100;
const SECOND = 1_000;
/** The record is written once the port is bound, which takes a while; the clock counts in whole seconds. */
const LONGEST_START_MS = 120_000;
const SLACK_MS = 2_000;
const END_WAIT_MS: Millis = 5_000;
const POLL_MS: Millis = 50;

/** What the earlier program's state file says (disk contract 6.2), without its token. */
export interface UpstreamState {
  readonly path: string;
  readonly url: string | null;
  readonly port: number | null;
  readonly pid: number | null;
  /** Whether a Python daemon of this home runs under that number; false also where nobody can tell. */
  readonly isAlive: boolean;
}

/** The state file, or null where there is none that can be read. */
export function readUpstreamState(place: Place): UpstreamState | null {
  const name =
    place.system.host.platform === 'win32' ? path.join('daemon', 'sync-daemon') : 'sync-daemon';
  const file = path.join(place.paths.root, name);
  const read = place.system.files.readInside(place.paths.root, file, MAX_STATE_BYTES);
  if (!read.ok) return null;
  // By position: URL, port, token, process. The token is read by nobody.
  const lines = read.bytes
    .toString('utf8')
    .split('\n')
    .map((line) => line.trim());
  const [url = null, port, , pid] = lines.filter((line) => line !== '');
  const number = toNumber(pid);
  const words = number === null ? null : commandLine(place, number);
  const isAlive = number !== null && words !== null && isDaemonOf(place, number, words);
  return { path: file, url, port: toNumber(port), pid: number, isAlive };
}

const MAX_STATE_BYTES = 4_096;

/**
 * Whether the process of a record is certainly the Python daemon that wrote it: its command line says so, names no
 * other home, and it began shortly before the record. Null when it is, otherwise what is missing.
 */
export function doubtOf(place: Place, { record }: UpstreamOwner): string | null {
  if (record === null) return 'the record cannot be read';
  if (place.system.host.platform !== 'linux') return 'this platform does not tell processes apart';
  const words = commandLine(place, record.pid);
  if (words === null) return `no process ${record.pid} can be looked at`;
  if (!isDaemonOf(place, record.pid, words)) return `process ${record.pid} is not that daemon`;
  const began = beganAt(place, record.pid);
  const written = Date.parse(record.startedAt);
  if (began === null || Number.isNaN(written))
    return `nobody knows when process ${record.pid} began`;
  const after = written - began;
  return after >= -SLACK_MS && after <= LONGEST_START_MS
    ? null
    : `process ${record.pid} began at another time than its record says`;
}

/**
 * Asks the Python daemon of a record to end, if it is that daemon beyond doubt, and waits for it.
 * @returns null when it is gone, otherwise why it is not.
 */
export async function retireUpstream(place: Place, owner: UpstreamOwner): Promise<string | null> {
  const doubt = doubtOf(place, owner);
  if (doubt !== null || owner.record === null) return doubt;
  const { pid } = owner.record;
  try {
    process.kill(pid, 'SIGTERM');
  } catch (error) {
    if (errnoOf(error) === 'EPERM') return `process ${pid} is another user's`;
    if (errnoOf(error) !== 'ESRCH') throw error;
  }
  const { clock } = place.system;
  const deadline = clock.monotonic() + END_WAIT_MS;
  while (clock.monotonic() < deadline) {
    if (isGone(place, pid)) return null;
    await clock.sleep(POLL_MS);
  }
  return `process ${pid} was asked to end and has not`;
}

/** A process, and what it was called with. */
export interface StrayProcess {
  readonly pid: number;
  readonly command: string;
}

/** Python daemons of this home that no record names. Null where nobody can look. */
export function strayUpstreams(
  place: Place,
  { record }: UpstreamOwner,
): readonly StrayProcess[] | null {
  if (place.system.host.platform !== 'linux') return null;
  return place.system.files
    .list('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== record?.pid && pid !== place.system.host.pid)
    .flatMap((pid) => {
      const words = commandLine(place, pid);
      return words !== null && isDaemonOf(place, pid, words)
        ? [{ pid, command: words.join(' ').trim() }]
        : [];
    });
}

/** One that does not name its place serves the home that its environment names. */
function isDaemonOf(place: Place, pid: number, words: readonly string[]): boolean {
  if (!words.some((word) => word.includes(MARK))) return false;
  const root =
    words.find((word) => word.startsWith(ROOT_MARK))?.slice(ROOT_MARK.length) ??
    homeNamedBy(place, pid);
  return root !== null && `${root}/`.startsWith(`${place.paths.root}/`);
}

/** Null for another user's process: it cannot write here. */
function homeNamedBy({ system }: Place, pid: number): string | null {
  const words = wordsOf(system.files, `/proc/${pid}/environ`);
  if (words === null) return null;
  const env = Object.fromEntries(
    words.map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]),
  );
  return homePaths({ ...system, env }).root;
}

function commandLine({ system: { files } }: Place, pid: number): readonly string[] | null {
  return wordsOf(files, `/proc/${pid}/cmdline`);
}

function wordsOf(files: Files, file: string): readonly string[] | null {
  try {
    const text = files.readText(file);
    return text === null || text === '' ? null : text.split('\0');
  } catch (error) {
    // It ended while we looked, or is another user's.
    if (isSystemError(error)) return null;
    throw error;
  }
}

/** A process that ended and that nobody has waited for has no command line any more. */
function isGone(place: Place, pid: number): boolean {
  return commandLine(place, pid) === null;
}

/** When a process began, from its start time in ticks since boot (`/proc/PID/stat`, field 22). */
function beganAt({ system: { files } }: Place, pid: number): Millis | null {
  const stat = files.readText(`/proc/${pid}/stat`) ?? '';
  const ticks = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[START_FIELD]);
  const boot = Number(/^btime (\d+)$/m.exec(files.readText('/proc/stat') ?? '')?.[1]);
  if (Number.isNaN(ticks) || Number.isNaN(boot)) return null;
  return boot * SECOND + (ticks / TICKS_PER_SECOND) * SECOND;
}

const START_FIELD = 19;

function toNumber(text: string | undefined): number | null {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : null;
}
