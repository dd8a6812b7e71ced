import { requirePerson } from '../auth.ts';
import { HttpError } from '../http/errors.ts';
import { readForm } from '../http/form.ts';
import type { Handler, Here } from '../http/here.ts';
import type { Identity } from '../identity/identity.ts';
import { teamFor } from '../login/logins.ts';
import { turnSession } from '../login/sessions.ts';
import { PAGES } from '../routes.ts';
import type { Statistics } from '../statistics/statistics.ts';
import { cookieOf, requireFormKey, requireOwnOrigin } from './browser.ts';
import type { Desk } from './events/desk.ts';
import { type EventRoute, eventHandlers } from './events/handlers.ts';
import { goTo } from './html.ts';
import { ingestHandlers, type IngestRoute } from './ingest/health.ts';
import { missionPage } from './mission/mission.ts';
import { packagePage } from './mission/package.ts';
import { overviewPage } from './overview.ts';
import { projectPage } from './project.ts';

/** The pages people look at, from a team's projects down to one mission. */
export function dashboardHandlers(
  identity: Identity,
  { statistics, desk }: { readonly statistics: Statistics; readonly desk: Desk },
): Readonly<
  Record<
    | 'overviewPage'
    | 'projectPage'
    | 'missionPage'
    | 'packagePage'
    | 'chooseTeam'
    | EventRoute
    | IngestRoute,
    Handler
  >
> {
  const watch = { ...identity, statistics };
  return {
    ...eventHandlers(identity, desk),
    ...ingestHandlers(watch),
    overviewPage: (c) => overviewPage(watch, c),
    projectPage: (c) => projectPage(identity, c),
    missionPage: (c) => missionPage(identity, c),
    packagePage: (c) => packagePage(identity, c),
    chooseTeam: (c) => chooseTeam(identity, c),
  };
}

/** The browser looks at another of the teams its user is in. */
async function chooseTeam({ store }: Identity, c: Here): Promise<Response> {
  requireOwnOrigin(c);
  const form = await readForm(c);
  requireFormKey(form, cookieOf(c) ?? '');
  const { id, userId } = requirePerson(c.var.visitor);
  await store.driver.tx(async (sql) => {
    const teamId = await teamFor(sql, userId, form.get('team') ?? '');
    if (teamId === null) throw new HttpError(404, 'not_found', 'no team of yours is named so');
    await turnSession(sql, id, teamId);
  });
  return goTo(PAGES.overview);
}
