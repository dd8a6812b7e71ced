import { EXIT, printable, UserError } from '../../base/index.ts';
import type { Erased, Erasure } from '../../server/index.ts';
import { fine, type Answer } from '../answer.ts';
import { flagOption, textOption, type Context } from '../io.ts';
import { withStore } from './receiver-store.ts';

/** `spec-kitty receiver erase`: takes stored bytes away and leaves ids and hashes, so that nothing comes back. */
export async function run(context: Context): Promise<Answer> {
  const { erase, teamForOperator } = await import('../../server/index.ts');
  const { options, system } = context;
  const wanted = wantedOf(context);
  if (!flagOption(options, 'yes')) {
    throw usage('what is erased cannot be had again; say --yes when that is meant');
  }
  const erased = await withStore(context, async (store) => {
    const team = await teamForOperator(store, textOption(options, 'team'));
    return erase(store, { ...wanted, team }, system.clock);
  });
  if (wanted.eventId !== undefined && erased.events === 0) {
    const id = printable(wanted.eventId, 100);
    throw new UserError('not_found', `this receiver holds no event ${id} that is not erased`, {
      remedy: 'spec-kitty receiver ls',
    });
  }
  return fine({ ...erased }, [lineOf(erased), 'Backups that were made before still hold it.']);
}

function wantedOf({ options }: Context): Omit<Erasure, 'team'> {
  const [event, project, before] = ['event', 'project', 'before'].map((name) =>
    textOption(options, name),
  );
  return {
    ...(typeof event === 'string' ? { eventId: event } : {}),
    ...(typeof project === 'string' ? { project } : {}),
    ...(typeof before === 'string' ? { before: momentOf(before) } : {}),
  };
}

function momentOf(text: string): number {
  const at = /^\d{4}-\d{2}-\d{2}(?:T[\d:.]+Z)?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at)) throw usage('--before takes a day, for example 2026-01-31');
  return at;
}

function usage(message: string): UserError {
  return new UserError('usage', message, {
    remedy: 'spec-kitty receiver erase --help',
    exitCode: EXIT.refused,
  });
}

function lineOf({ events, bytes, rows }: Erased): string {
  return `✓ Erased ${events} events (${bytes} bytes) and ${rows} rows made of them`;
}
