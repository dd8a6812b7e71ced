import { isDeepStrictEqual } from 'node:util';
import {
  EXIT,
  isSystemError,
  messageOf,
  pythonLower,
  pythonStrip,
  UserError,
  type Env,
} from '../base/index.ts';
import {
  KEEP_EVERYTHING,
  OPT_OUT_POLICIES,
  parseSyncMode,
  type CaptureRules,
  type OptOutPolicy,
  type SyncMode,
} from './modes.ts';
import type { Place } from './paths.ts';

/** A value together with the place that it was read from. */
export interface Setting<T> {
  readonly value: T;
  readonly source: 'flag' | 'env' | 'project' | 'home' | 'default';
}

/**
 * The machine's settings. Nothing here is an address to connect to: the two server URLs are the inputs of
 * `resolveSyncTarget`, which alone says where this process goes.
 */
export interface Config {
  /** `[sync].server_url` as written. */
  readonly configuredServerUrl: Setting<string | null>;
  /** `SPEC_KITTY_SAAS_URL` as written. */
  readonly envServerUrl: Setting<string | null>;
  /** `SPEC_KITTY_ENABLE_SAAS_SYNC` is one of 1, true, yes, on; it gates the Teamspace receiver alone. */
  readonly saasEnabled: Setting<boolean>;
  /** `[event_sync].mode`: the default for projects that never chose one. A word that is no mode sends nothing. */
  readonly mode: Setting<SyncMode | 'unknown' | null>;
  /** `[event_sync].opt_out_policy`: under OPT_OUT, keep what may not be discarded, or discard it on record. */
  readonly optOutPolicy: Setting<OptOutPolicy>;
  /** `[event_sync].external_endpoint`. */
  readonly externalEndpoint: Setting<string | null>;
  /** `[sync].max_queue_size`: how many uploads may wait. */
  readonly maxQueueSize: Setting<number>;
  /** `[sync].background_daemon`. */
  readonly backgroundDaemon: Setting<'auto' | 'manual'>;
}

/** The settings below `[event_sync]`. */
export type EventSyncConfig = Pick<Config, 'mode' | 'optOutPolicy' | 'externalEndpoint'>;

/** What a command may change in `config.toml`; a key left out stays as it is. */
export interface ConfigChange {
  readonly serverUrl?: string;
  readonly mode?: SyncMode;
  /** Null removes the key. */
  readonly externalEndpoint?: string | null;
}

const DEFAULT_MAX_QUEUE_SIZE = 100_000;
const TRUTHY: ReadonlySet<string> = new Set(['1', 'true', 'yes', 'on']);

/** Whether this process may speak to a Teamspace at all. */
export function isSaasEnabled(env: Env): boolean {
  return isTruthy(env[SAAS_SWITCH]);
}

const SAAS_SWITCH = 'SPEC_KITTY_ENABLE_SAAS_SYNC';

/**
 * Reads `config.toml` and the environment; an absent file is an empty one.
 * @throws UserError `config_corrupt` when the file is not TOML or a key of ours has an impossible value.
 */
export async function readConfig(place: Place): Promise<Config> {
  const { env, files } = place.system;
  const file = place.paths.config;
  const document = await parseToml(file, files.readText(file) ?? '');
  const isSaasSaid = env[SAAS_SWITCH] !== undefined;
  return {
    configuredServerUrl: readKey(file, document, SERVER_URL, null),
    envServerUrl: fromEnv(env['SPEC_KITTY_SAAS_URL']),
    saasEnabled: { value: isSaasEnabled(env), source: isSaasSaid ? 'env' : 'default' },
    mode: readKey(file, document, MODE, null),
    optOutPolicy: readKey(file, document, OPT_OUT_POLICY, 'refuse'),
    externalEndpoint: readKey(file, document, EXTERNAL_ENDPOINT, null),
    maxQueueSize: readKey(file, document, MAX_QUEUE_SIZE, DEFAULT_MAX_QUEUE_SIZE),
    backgroundDaemon: readKey(file, document, BACKGROUND_DAEMON, 'auto'),
  };
}

/**
 * What the machine says of retention, for commands that capture. A file that does not speak of opting out is not
 * even parsed; one that cannot be read keeps everything, because capture goes on whatever the configuration is.
 */
export async function readCaptureRules(
  place: Place,
  config: () => Promise<Config>,
): Promise<CaptureRules> {
  try {
    const text = place.system.files.readText(place.paths.config) ?? '';
    if (!SPEAKS_OF_OPTING_OUT.test(text)) return KEEP_EVERYTHING;
    const { mode, optOutPolicy } = await config();
    const machineMode = mode.value === 'unknown' ? null : mode.value;
    return { machineMode, optOutPolicy: optOutPolicy.value };
  } catch (error) {
    if (error instanceof UserError || isSystemError(error)) return KEEP_EVERYTHING;
    throw error;
  }
}

/** A backslash may hide any letter. */
const SPEAKS_OF_OPTING_OUT = /opt[-_]?out|trash|\\/i;

/**
 * Changes keys of ours in `config.toml`; every other table, comment and spelling stays. A file that is a link
 * is changed where it really lies.
 * @throws UserError `config_corrupt` when the file cannot be read, or cannot be changed without touching more.
 */
export async function writeConfig(place: Place, change: ConfigChange): Promise<void> {
  const { files } = place.system;
  const file = place.paths.config;
  const before = files.readText(file) ?? '';
  const kept = await parseToml(file, before);
  tableOf(file, kept, 'sync');
  tableOf(file, kept, 'event_sync');
  const after = await patchToml(before, change);
  const written = await parseToml(file, after);
  if (!isDeepStrictEqual(withoutOurKeys(kept), withoutOurKeys(written))) {
    throw corrupt(file, 'it cannot be changed without touching other settings; change it by hand');
  }
  files.makeDir(place.paths.root);
  files.write(files.lstat(file)?.kind === 'symlink' ? files.realpath(file) : file, after);
}

export type Table = Readonly<Record<string, unknown>>;

/** Another program's TOML, for diagnostics: null when it is absent, unreadable or not TOML. */
export async function readForeignToml(place: Place, file: string): Promise<Table | null> {
  const read = place.system.files.readInside(place.paths.root, file, MAX_FOREIGN_BYTES);
  if (!read.ok) return null;
  try {
    return await parseToml(file, read.bytes.toString('utf8'));
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}

const MAX_FOREIGN_BYTES = 1_048_576;

/** A key of ours and what its value must be; `parse` answers undefined for what is not allowed. */
interface Key<T> {
  readonly table: 'sync' | 'event_sync';
  readonly name: string;
  readonly wanted: string;
  readonly parse: (value: unknown) => T | undefined;
}

const SERVER_URL: Key<string> = {
  table: 'sync',
  name: 'server_url',
  wanted: 'a text',
  parse: parseText,
};
const MAX_QUEUE_SIZE: Key<number> = {
  table: 'sync',
  name: 'max_queue_size',
  wanted: 'a positive whole number',
  parse: parsePositive,
};
const BACKGROUND_DAEMON: Key<'auto' | 'manual'> = {
  table: 'sync',
  name: 'background_daemon',
  wanted: '"auto" or "manual"',
  parse: parseDaemon,
};
const MODE: Key<SyncMode | 'unknown'> = {
  table: 'event_sync',
  name: 'mode',
  wanted: 'a mode',
  // Another word must not stand in the way of the commands that mend it, and of projects with a mode of their own.
  parse: (value) => parseSyncMode(parseText(value) ?? '') ?? 'unknown',
};
const OPT_OUT_POLICY: Key<OptOutPolicy> = {
  table: 'event_sync',
  name: 'opt_out_policy',
  wanted: `one of ${OPT_OUT_POLICIES.join(', ')}`,
  parse: (value) => OPT_OUT_POLICIES.find((each) => each === value),
};
const EXTERNAL_ENDPOINT: Key<string> = {
  table: 'event_sync',
  name: 'external_endpoint',
  wanted: 'a text',
  parse: parseText,
};

function readKey<T, D>(file: string, document: Table, key: Key<T>, fallback: D): Setting<T | D> {
  const value = tableOf(file, document, key.table)[key.name];
  if (value === undefined) return { value: fallback, source: 'default' };
  const parsed = key.parse(value);
  if (parsed !== undefined) return { value: parsed, source: 'home' };
  throw corrupt(file, `[${key.table}].${key.name} must be ${key.wanted}`);
}

function parseText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function parsePositive(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : undefined;
}

function parseDaemon(value: unknown): 'auto' | 'manual' | undefined {
  const token = pythonLower(pythonStrip(parseText(value) ?? ''));
  return token === 'auto' || token === 'manual' ? token : undefined;
}

function fromEnv(text: string | undefined): Setting<string | null> {
  return text === undefined ? { value: null, source: 'default' } : { value: text, source: 'env' };
}

function isTruthy(text: string | undefined): boolean {
  return text !== undefined && TRUTHY.has(pythonLower(pythonStrip(text)));
}

async function parseToml(file: string, text: string): Promise<Table> {
  if (text.includes('\u{fffd}')) throw corrupt(file, 'it is not UTF-8 text');
  const { parse, TomlError } = await import('smol-toml');
  try {
    return parse(text, { integersAsBigInt: 'asNeeded' });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // Only the first line: the rest quotes the file, which may hold other programs' secrets.
    const reason = messageOf(error.message.split('\n')[0]);
    throw corrupt(file, `line ${error.line}, column ${error.column}: ${reason}`);
  }
}

function tableOf(file: string, document: Table, name: string): Table {
  const value = document[name];
  if (value === undefined) return {};
  if (isTable(value)) return value;
  throw corrupt(file, `[${name}] must be a table`);
}

function isTable(value: unknown): value is Table {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // Arrays and dates are values; the parser's tables are plain objects, some without a prototype.
  return prototype === Object.prototype || prototype === null;
}

async function patchToml(text: string, change: ConfigChange): Promise<string> {
  const { parse, patch } = await import('@decimalturn/toml-patch');
  const document = parse(text) as Record<string, Record<string, unknown> | undefined>;
  if (change.serverUrl !== undefined) {
    (document['sync'] ??= {})['server_url'] = change.serverUrl;
  }
  if (change.mode !== undefined) {
    (document['event_sync'] ??= {})['mode'] = change.mode.toLowerCase();
  }
  if (change.externalEndpoint === null) {
    delete document['event_sync']?.['external_endpoint'];
  } else if (change.externalEndpoint !== undefined) {
    (document['event_sync'] ??= {})['external_endpoint'] = change.externalEndpoint;
  }
  const patched = patch(text, document);
  return patched === '' || patched.endsWith('\n') ? patched : `${patched}\n`;
}

function withoutOurKeys(document: Table): Table {
  const { sync, event_sync: eventSync, ...others } = document;
  const { server_url: _server, ...ofSync } = isTable(sync) ? sync : {};
  const {
    mode: _mode,
    external_endpoint: _endpoint,
    ...ofEvents
  } = isTable(eventSync) ? eventSync : {};
  return { ...others, sync: ofSync, event_sync: ofEvents };
}

function corrupt(file: string, reason: string): UserError {
  return new UserError('config_corrupt', `${file}: ${reason}`, {
    remedy: 'spec-kitty sync verify --repair',
    exitCode: EXIT.failed,
  });
}
