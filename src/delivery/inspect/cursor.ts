import { EXIT, UserError, type Db } from '../../base/index.ts';

const EPOCH = 'SELECT epoch FROM store';

/**
 * A place in the journal as commands print it: `<epoch>-<position>`. The epoch grows when a store was found rolled
 * back, for then a position may mean another event than before.
 */
export function formatCursor(db: Db, seq: number): string {
  return `${readEpoch(db)}-${seq}`;
}

/**
 * The position of a cursor; `0` is before everything.
 * @param option the option it was given with, for the message.
 * @throws UserError `usage` when it is none, or was made before the store was rolled back.
 */
export function parseCursor(db: Db, option: string, text: string): number {
  if (text === '0') return 0;
  const [, epoch, seq] = /^(\d{1,9})-(\d{1,15})$/.exec(text) ?? [];
  if (epoch === undefined || seq === undefined) {
    throw misused(`${option} takes a cursor as it was printed, or 0, not ${text}`);
  }
  if (Number(epoch) === readEpoch(db)) return Number(seq);
  throw misused(`the cursor ${text} was made before this store was rolled back: begin again at 0`);
}

function readEpoch(db: Db): number {
  return db.get<{ epoch: number }>(EPOCH)?.epoch ?? 1;
}

function misused(message: string): UserError {
  const remedy = 'spec-kitty sync tail --since 0';
  return new UserError('usage', message, { remedy, exitCode: EXIT.refused });
}
