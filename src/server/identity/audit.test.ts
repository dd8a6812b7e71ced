import { expect, it } from 'vitest';
import { startTrial } from '../../../test/support/receiver-trial.ts';
import { openDb, systemClock } from '../../base/index.ts';
import { type Act, brokenEntry, latestActs, remember, rememberSeldom } from './audit.ts';

const ACT: Act = {
  at: 1_000,
  teamId: 'local',
  actor: 'ann@kitty.example',
  action: 'login.failed',
  subject: 'ben@kitty.example',
};

async function filled() {
  const trial = await startTrial();
  const { driver } = trial.store;
  for (let at = 1; at <= 1_500; at += 1) await remember(driver, { ...ACT, at });
  return trial;
}

it('keeps what was noted, newest first, and refuses to change or remove it', async () => {
  const trial = await startTrial();
  const { driver } = trial.store;
  await remember(driver, ACT);
  await remember(driver, { ...ACT, at: 2_000, teamId: null, action: 'login.succeeded' });
  expect(await latestActs(driver, 10)).toEqual([
    { ...ACT, entry: 2, at: 2_000, teamId: null, action: 'login.succeeded' },
    { ...ACT, entry: 1 },
  ]);
  for (const text of ['UPDATE audit SET at = 0', 'DELETE FROM audit']) {
    await expect(driver.all(`${text} RETURNING entry`)).rejects.toThrow('audit is append-only');
  }
  expect(await brokenEntry(driver)).toBeNull();
});

it.each([
  ['changed', "UPDATE audit SET actor = 'nobody' WHERE entry = 1200", 1200],
  ['given to another team', "UPDATE audit SET team_id = 'other' WHERE entry = 3", 3],
  ['removed', 'DELETE FROM audit WHERE entry = 1001', 1002],
  ['removed from the beginning', 'DELETE FROM audit WHERE entry < 5', 5],
])('notices an entry that was %s by hand', async (_how, statement, at) => {
  const { store, file } = await filled();
  const db = openDb(file, { clock: systemClock() });
  db.exec('DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete');
  db.run(statement);
  db.close();
  expect(await brokenEntry(store.driver)).toBe(at);
});

it('notes the same thing once in a while only, and keeps subjects short and on one line', async () => {
  const { driver } = (await startTrial()).store;
  const subject = `x\n${'y'.repeat(1_000)}`;
  for (const at of [0, 59_999, 60_000, 60_001])
    await rememberSeldom(driver, { ...ACT, at, subject }, 60_000);
  const acts = await latestActs(driver, 10);
  expect(acts.map(({ at }) => at)).toEqual([60_000, 0]);
  expect(acts[0]?.subject).not.toContain('\n');
  expect(acts[0]?.subject.length).toBeLessThanOrEqual(300);
});

it('keeps one chain when several are noted at one time', async () => {
  const { driver } = (await startTrial()).store;
  await Promise.all(Array.from({ length: 50 }, (_, at) => remember(driver, { ...ACT, at })));
  expect(await latestActs(driver, 100)).toHaveLength(50);
  expect(await brokenEntry(driver)).toBeNull();
});
