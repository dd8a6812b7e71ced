import path from 'node:path';
import { isSystemError } from '../base/index.ts';
import { identifyProcess, type Place } from '../home/index.ts';
import type { ProgramIdentity } from './identity.ts';

/**
 * What the record of the earlier program's daemon says: four different things, because a record that cannot be
 * read is no proof that there is no daemon.
 */
export type OwnerStatus = 'absent' | 'present' | 'orphan' | 'unreadable';

/** The record without its token, which is read by nobody. */
export interface OwnerRecord extends ProgramIdentity {
  readonly pid: number;
  /** Null for a daemon that listens nowhere. */
  readonly port: number | null;
  readonly startedAt: string;
}

export interface UpstreamOwner {
  readonly status: OwnerStatus;
  readonly path: string;
  readonly record: OwnerRecord | null;
  /** `server|user|team` as the daemon wrote it down. */
  readonly authScope: string | null;
  /** Why the record is an orphan or cannot be read. */
  readonly detail: string | null;
}

const MAX_RECORD_BYTES = 65_536;
const TEXTS = [
  'package_version',
  'executable_path',
  'source_checkout_path',
  'server_url',
  'queue_db_path',
  'started_at',
] as const;

/**
 * Reads the owner record of the Python daemon (disk contract 6.1) without touching anything. It is an orphan when
 * its process is gone or its interpreter is not there any more.
 */
export function readUpstreamOwner(place: Place): UpstreamOwner {
  const file = path.join(place.paths.root, 'sync', 'daemon', 'owner.json');
  const read = place.system.files.readInside(place.paths.root, file, MAX_RECORD_BYTES);
  if (!read.ok) {
    if (read.reason === 'absent')
      return { status: 'absent', path: file, record: null, authScope: null, detail: null };
    return unreadable(file, read.reason === 'outside' ? 'it is a symbolic link' : read.reason);
  }
  const fields = parseObject(read.bytes.toString('utf8'));
  const record = fields === null ? null : parseRecord(fields);
  if (record === null) return unreadable(file, 'it is no owner record');
  const detail = orphanReason(place, record);
  const authScope = toText(fields?.['auth_scope']);
  return { status: detail === null ? 'present' : 'orphan', path: file, record, authScope, detail };
}

function unreadable(file: string, detail: string): UpstreamOwner {
  return { status: 'unreadable', path: file, record: null, authScope: null, detail };
}

function parseRecord(fields: Readonly<Record<string, unknown>>): OwnerRecord | null {
  const numbers = ['pid', 'port'].map((name) => toInteger(fields[name]));
  const texts = TEXTS.map((name) => toText(fields[name]));
  const [pid, port] = numbers;
  if (pid == null || port == null || texts.includes(null) || fields['token'] === undefined)
    return null;
  const [packageVersion, executablePath, sourcePath, serverUrl, queueDbPath, startedAt] = texts;
  return {
    pid,
    port,
    packageVersion: packageVersion ?? '',
    executablePath: executablePath ?? '',
    sourcePath: sourcePath ?? '',
    serverUrl: serverUrl ?? '',
    teamOrUser: teamOrUser(toText(fields['auth_principal']), toText(fields['auth_team'])),
    queueDbPath: queueDbPath ?? '',
    startedAt: startedAt ?? '',
  };
}

function parseObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Readonly<Record<string, unknown>>) : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Numbers and their texts are one, as in the program that wrote them. */
function toInteger(value: unknown): number | null {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : null;
}

function toText(value: unknown): string | null {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' ? value : null;
}

function teamOrUser(principal: string | null, team: string | null): string | null {
  if (principal === null || principal === '') return null;
  return team === null || team === '' ? principal : `${principal}/${team}`;
}

function orphanReason(place: Place, record: OwnerRecord): string | null {
  const { files, host } = place.system;
  const isGone = host.platform === 'linux' && identifyProcess(files, record.pid).started === null;
  if (isGone) return `no process ${record.pid} runs`;
  return isThere(place, record.executablePath) ? null : `${record.executablePath} is not there`;
}

function isThere(place: Place, file: string): boolean {
  try {
    return place.system.files.stat(file) !== null;
  } catch (error) {
    if (isSystemError(error)) return false;
    throw error;
  }
}
