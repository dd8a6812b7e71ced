import { expect, it } from 'vitest';
import { type LoginTrial } from '../../../../test/support/login-trial.ts';
import { allIn, rowsOf } from '../../../../test/support/page-view.ts';
import { ANN, openBrowser, startPeopleTrial } from '../../../../test/support/people-trial.ts';
import { openDb, systemClock } from '../../../base/index.ts';
import { teamForOperator } from '../../identity/administration.ts';
import { type AuditAction, remember } from '../../identity/audit.ts';

async function noted(trial: LoginTrial, count: number): Promise<void> {
  const teamId = await teamForOperator(trial.store, 'harbour');
  await trial.store.driver.tx(async (sql) => {
    for (let number = 0; number < count; number += 1) {
      const action: AuditAction = number % 10 === 0 ? 'project.erased' : 'access.refused';
      const subject = `+cmd|${number}`;
      await remember(sql, { at: trial.clock.now(), teamId, actor: '=1+1', action, subject });
    }
  });
}

it('shows the audit page by page, filtered, with the state of its chain, and gives it as CSV', async () => {
  const trial = await startPeopleTrial();
  await noted(trial, 120);
  const ann = await openBrowser(trial, ANN, 'harbour');
  const seen: string[] = [];
  let path = '/audit?who=%3D1%2B1';
  for (let pages = 0; path !== '' && pages < 10; pages += 1) {
    const page = await ann.look(path);
    expect(page.text).toMatch(/The chain holds: entries 1 to 1\d\d of the receiver/);
    seen.push(...rowsOf(page, /by =1\+1/).map(([, , , subject = '']) => subject));
    const older = allIn(page, 'a').find(({ text }) => text === 'Older');
    path = older?.attributes['href'] ?? '';
  }
  expect(seen).toEqual(Array.from({ length: 120 }, (_, index) => `+cmd|${119 - index}`));
  const both = await ann.look('/audit?who=%3D1%2B1&what=project.erased');
  expect(rowsOf(both, /project\.erased, by/)).toHaveLength(12);
  expect((await ann.look('/audit?what=key.rotated')).text).toContain(
    'Nothing of this kind was done in this team yet',
  );
  for (const bad of ['what=x', 'before=x', 'before=-1', `who=${'x'.repeat(301)}`])
    await ann.look(`/audit?${bad}`, 400);

  const csv = await ann.submit('/audit', { act: 'export', who: '=1+1', what: 'project.erased' });
  const [head, first] = csv.text.split('\r\n');
  expect(head).toBe('entry,at,team,actor,action,subject,previous,hash');
  expect(first).toMatch(
    /^\d+,2026-03-14T09:26:53\.000Z,\w+,"'=1\+1",project\.erased,"'\+cmd\|110",[0-9a-f]{64},[0-9a-f]{64}$/,
  );
  expect(csv.text.split('\r\n')).toHaveLength(13);
  expect(csv.headers.get('content-disposition')).toBe('attachment; filename="audit.csv"');
  expect(csv.headers.get('content-security-policy')).toContain('sandbox');
  expect(csv.headers.get('cache-control')).toBe('no-store');
});

it('says what it checked of a long chain, and where one breaks', async () => {
  const trial = await startPeopleTrial();
  await noted(trial, 2_100);
  const ann = await openBrowser(trial, ANN, 'harbour');
  expect((await ann.look('/audit')).text).toMatch(
    /holds as far as was looked: entries 1\d\d to 2,1\d\d of the receiver/,
  );
  const db = openDb(trial.file, { clock: systemClock() });
  db.exec('DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete');
  db.run("UPDATE audit SET actor = 'nobody' WHERE entry = 1500");
  const [alert] = allIn(await ann.look('/audit'), 'p', 'alert');
  expect(alert?.text).toContain('Entry 1500 does not follow');
  db.run("UPDATE audit SET actor = '=1+1' WHERE entry = 1500");
  db.run('DELETE FROM audit WHERE entry = 1700');
  expect((await ann.look('/audit')).text).toContain('Entry 1701 does not follow');
  db.close();
});
