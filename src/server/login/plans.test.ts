import { expect, it } from 'vitest';
import { startTrial } from '../../../test/support/receiver-trial.ts';
import { watchStatements, wholeScans } from '../../../test/support/statement-watch.ts';
import { createIds, openDb, systemClock, systemRandom } from '../../base/index.ts';
import { operatorScope } from '../auth.ts';
import { actsOfTeam, rememberSeldom } from '../identity/audit.ts';
import type { Identity } from '../identity/identity.ts';
import { claimProjects } from '../identity/projects.ts';
import { hasOtherOwner, memberNamed, shownMembers, teamsOfUser } from '../identity/teams.ts';
import { accountWithEmail, insertUser } from '../identity/users.ts';
import { usageOf } from '../store/quotas.ts';
import { sqliteDriver } from '../store/sqlite.ts';
import { shownTokens, tokenWithId } from '../store/tokens.ts';
import { accessOf } from './access-tokens.ts';
import { decideDeviceGrant, startDeviceGrant } from './device-grants.ts';
import { endLogin, pollDevice, refreshLogin, startBrowserLogin, startLogin } from './logins.ts';
import { refreshExpiry } from './refresh-tokens.ts';
import { endOwnSessions, endSessionsIn, sessionsOfUser, sessionWithSecret } from './sessions.ts';

/** Few rows, or only the newest one is read. */
const MAY_BE_READ = ['audit', 'device_grants', 'signing_keys'];

it('finds people, logins and tokens by their keys, however many there are', async () => {
  const trial = await startTrial();
  const db = openDb(trial.file, { clock: systemClock() });
  const driver = sqliteDriver(db);
  const clock = systemClock();
  const ids = createIds(clock);
  const identity: Identity = {
    store: { ...trial.store, driver },
    clock,
    ids,
    random: systemRandom,
  };
  const user = { id: 'u', teamId: 't', email: 'ann@kitty.example', name: 'Ann', password: null };
  await driver.tx((sql) => insertUser(sql, user, 0));
  const seen = watchStatements(db);

  const login = await startLogin(identity, user, { kind: 'password', wanted: null });
  const refreshed = await refreshLogin(identity, login?.refresh.text ?? '', null);
  expect(refreshed.kind).toBe('fresh');
  expect((await refreshLogin(identity, login?.refresh.text ?? '', null)).kind).toBe('raced');
  expect(await accessOf(identity.store, login?.access ?? '', clock.now())).not.toBeNull();
  expect(await refreshExpiry(driver, login?.sessionId ?? '')).not.toBeNull();
  await startBrowserLogin(identity, user);
  await sessionWithSecret(driver, 'x', 0);
  const grant = await startDeviceGrant(identity);
  await pollDevice(identity, grant?.deviceCode ?? '');
  await decideDeviceGrant(driver, 'BCDFGHJK', null, 0);
  await endLogin(identity, login?.refresh.text ?? '');
  await teamsOfUser(driver, 'u');
  await accountWithEmail(driver, user.email);
  await claimProjects(driver, operatorScope('local'), new Set(['p']), { actor: 'a', now: 0 });
  const act = { at: 0, teamId: null, actor: 'a', action: 'login.failed', subject: 's' } as const;
  await rememberSeldom(driver, act, 1);

  const scans = seen().flatMap((watched) => wholeScans(db, watched));
  expect(scans.filter((scan) => !MAY_BE_READ.includes(scan.split(':')[0] ?? ''))).toEqual([]);
  expect(seen().length).toBeGreaterThan(20);
  db.close();
});

it('shows and ends what is a team’s or a person’s by their keys', async () => {
  const trial = await startTrial();
  const db = openDb(trial.file, { clock: systemClock() });
  const driver = sqliteDriver(db);
  const seen = watchStatements(db);
  const team = operatorScope('local');
  await shownMembers(driver, team, 1);
  await memberNamed(driver, team, 'ann@kitty.example');
  await hasOtherOwner(driver, team, 'u');
  await shownTokens(driver, team, 1);
  await tokenWithId(driver, 't');
  await usageOf(driver, team);
  await sessionsOfUser(driver, { userId: 'u', limit: 1 }, 0);
  const end = { now: 0, ending: 'logout' } as const;
  await endSessionsIn(driver, { teamId: team, userId: 'u' }, end);
  for (const isKept of [true, false])
    await endOwnSessions(driver, { userId: 'u', id: 's', isKept }, end);
  for (const action of ['login.failed', null] as const) {
    for (const actor of ['a', null])
      await actsOfTeam(driver, team, { action, actor, before: 9 }, 1);
  }
  const plans = seen().flatMap(({ sql, params }) =>
    db.all<{ readonly detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, params),
  );
  const steps = plans.map(({ detail }) => detail);
  expect(steps.filter((step) => step.startsWith('SCAN'))).toEqual([]);
  expect(steps.filter((step) => / audit /.test(step))).toEqual([
    'SEARCH audit USING INDEX audit_by_who (team_id=? AND actor=? AND entry<?)',
    'SEARCH audit USING INDEX audit_by_action (team_id=? AND action=? AND entry<?)',
    'SEARCH audit USING INDEX audit_by_who (team_id=? AND actor=? AND entry<?)',
    'SEARCH audit USING INDEX audit_of_team (team_id=? AND entry<?)',
  ]);
  db.close();
});
