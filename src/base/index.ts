// Base: clock, ids, hash, canonical URL, SQLite, migrations, files, faults, log, errors. No nouns of ours.
// What knows an event, a target or a project lives in a room further down.
export { AssertionFailure, assert } from './assert.ts';
export {
  asciiSafe,
  canonicalUrl,
  pythonLower,
  pythonStrip,
  urlHash,
  withoutTrailingSlashes,
} from './canonical.ts';
export { systemClock } from './clock.ts';
export type { Clock, Millis } from './clock.ts';
export { EXIT, IntegrityError, messageOf, UserError } from './errors.ts';
export type { ExitCode, UserErrorCode } from './errors.ts';
export { FAULT_POINTS, faultsFrom, noFaults } from './faults.ts';
export type { FaultPoint, Faults } from './faults.ts';
export { systemFiles } from './files.ts';
export type { Files } from './files.ts';
export { errnoOf, isSystemError, readable } from './files/descriptor.ts';
export type { FileStat } from './files/descriptor.ts';
export { derivedId, sha256Hex } from './hash.ts';
export { createIds, systemRandom, uuidV5 } from './ids.ts';
export type { Ids, Random } from './ids.ts';
export { createLog, silentLog } from './log.ts';
export type { Log, LogFields } from './log.ts';
export { migrate, migration, stepsAfter } from './migrate.ts';
export type { Migration } from './migrate.ts';
export { failed, ok } from './result.ts';
export type { Result } from './result.ts';
export { Db, isDamaged, openDb, sqliteCode } from './sqlite.ts';
export type { Open, SqlParams } from './sqlite.ts';
export { createSystem, installationOf, thisProgram } from './system.ts';
export type { Env, Host, Program, System } from './system.ts';
export { printable, quoted } from './text.ts';
