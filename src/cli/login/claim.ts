import { IntegrityError, UserError, type Db } from '../../base/index.ts';
import { claimRoutes, listRoutes } from '../../delivery/index.ts';
import { type Session } from '../../home/index.ts';
import { parseEndpoint } from '../../receivers/index.ts';
import { flagOption, type Context } from '../io.ts';

/** What a login finds of permissions at its server, in numbers and in words. */
export interface Claimed {
  readonly json: Readonly<Record<string, unknown>>;
  readonly lines: readonly string[];
}

/**
 * Permissions that were given before anybody was logged in belong to the first login that says so; those of other
 * logins stay theirs, and are told.
 */
export async function claimPermissions(context: Context, session: Session): Promise<Claimed> {
  const { system, io } = context;
  const { origin, team, user } = session;
  const stores = openStores(context);
  const others = stores.known.filter((db) => belongsToOthers(db, session)).length;
  const rest = [
    ...(others === 0
      ? []
      : [
          `  ${others} project(s) were permitted under another login there and are not sent under this one: \`spec-kitty sync opt-in\` in a project permits it.`,
        ]),
    ...(stores.unreadable === 0
      ? []
      : [`  ${stores.unreadable} project store(s) could not be read: \`spec-kitty sync status\`.`]),
  ];
  const owner = { team: team ?? '', user: user ?? '' };
  const now = system.clock.now();
  const unclaimed = stores.known.filter(
    (db) => claimRoutes(db, { origin, owner, now, dryRun: true }) > 0,
  );
  if (unclaimed.length === 0) {
    return { json: { claimed: 0, unclaimed: 0, others }, lines: rest };
  }
  const n = unclaimed.length;
  if (team === null) {
    const line = `  ${n} project(s) were pointed at it before and wait until this login has a private team.`;
    return { json: { claimed: 0, unclaimed: n, others }, lines: [line, ...rest] };
  }
  const question = `${n} project(s) were pointed at ${origin} before. Send them under this login? [y/N] `;
  const isWanted =
    flagOption(context.options, 'claim') ||
    /^y(es)?$/i.test(((await io.ask(question)) ?? '').trim());
  if (!isWanted) {
    const line = `  ${n} project(s) were pointed at it before anybody was logged in and wait for --claim.`;
    return { json: { claimed: 0, unclaimed: n, others }, lines: [line, ...rest] };
  }
  for (const db of unclaimed) claimRoutes(db, { origin, owner, now, dryRun: false });
  const line = `  ${n} project(s) that were pointed at it before now belong to this login.`;
  return { json: { claimed: n, unclaimed: 0, others }, lines: [line, ...rest] };
}

interface Stores {
  readonly known: readonly Db[];
  readonly unreadable: number;
}

/** A store that does not open is no reason to log nobody in. */
function openStores({ home }: Context): Stores {
  const known: Db[] = [];
  let unreadable = 0;
  for (const id of home.projectIds()) {
    try {
      known.push(home.store(id));
    } catch (error) {
      if (!(error instanceof UserError || error instanceof IntegrityError)) throw error;
      unreadable += 1;
    }
  }
  return { known, unreadable };
}

function belongsToOthers(db: Db, { origin, team, user }: Session): boolean {
  return listRoutes(db).some(({ target, grantedAt }) => {
    if (grantedAt === null || target.kind !== 'teamspace' || target.team + target.user === '') {
      return false;
    }
    const endpoint = parseEndpoint(target.canonicalUrl, {
      kind: 'teamspace',
      allowHttp: true,
      cwd: '/',
    });
    const isMine = target.team === (team ?? '') && target.user === (user ?? '');
    return endpoint.origin === origin && !isMine;
  });
}
