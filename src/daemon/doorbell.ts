import { openDb, sqliteCode, UserError, type Clock, type Db } from '../base/index.ts';

/** Tells whether somebody wrote to a database since it was last asked, without ever writing itself. */
export interface Doorbell {
  /** True the first time, and whenever another connection has committed since. */
  rang(): boolean;
  /** The connection it listens on, for questions; null while the file cannot be opened. */
  readonly db: Db | null;
  close(): void;
}

/** A doorbell on `file`, opened when it is first asked and again after it failed. */
export function createDoorbell(file: string, clock: Clock): Doorbell {
  let db: Db | null = null;
  let heard: number | null = null;
  const listen = (): boolean => {
    db ??= openDb(file, { clock, readonly: true, waitMs: 0 });
    const version = db.dataVersion();
    const isNew = version !== heard;
    heard = version;
    return isNew;
  };
  const close = (): void => {
    db?.close();
    db = null;
    heard = null;
  };
  return {
    rang: () => {
      try {
        return listen();
      } catch (error) {
        if (!(error instanceof UserError) && sqliteCode(error) === '') throw error;
        close();
        return false;
      }
    },
    get db() {
      return db;
    },
    close,
  };
}
