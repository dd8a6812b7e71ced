import { expect, it } from 'vitest';
import { ORIGIN } from '../../../../test/support/login-trial.ts';
import { rowsOf } from '../../../../test/support/page-view.ts';
import {
  actsIn,
  ANN,
  CAS,
  openBrowser,
  shownIn,
  startPeopleTrial,
  TOKEN,
} from '../../../../test/support/people-trial.ts';
import {
  bearer,
  envelope,
  OTHER_PROJECT,
  PROJECT,
  replyOf,
  send,
} from '../../../../test/support/receiver-trial.ts';

it('ends logins from the next request on', async () => {
  const trial = await startPeopleTrial();
  const ann = await openBrowser(trial, ANN, 'harbour');
  const other = await openBrowser(trial, ANN);
  const [one, two] = [await trial.login(ANN), await trial.login(ANN, 'harbour')];
  const alive = async (): Promise<readonly number[]> => [
    (await trial.get('/api/v1/me', one.access)).status,
    (await trial.get('/api/v1/me', two.access)).status,
    (await trial.page('/', null, { cookie: other.cookie })).status,
    (await trial.page('/', null, { cookie: ann.cookie })).status,
  ];
  const shown = rowsOf(await ann.look('/tokens'), /logged in/);
  expect(shown.map(([what, team, , , ends, end]) => [what, team, ends, end])).toEqual([
    ['program, by password', 'harbour', '2026-03-21 09:26 UTC', 'Log out'],
    ['program, by password', ANN, '2026-03-21 09:26 UTC', 'Log out'],
    ['browser', ANN, '2026-03-14 21:26 UTC', 'Log out'],
    ['browser', 'harbour', '2026-03-14 21:26 UTC', 'this one'],
  ]);
  expect(await alive()).toEqual([200, 200, 200, 200]);
  expect((await ann.submit('/tokens', { act: 'end', login: one.session_id })).status).toBe(303);
  expect(await alive()).toEqual([401, 200, 200, 200]);
  const refreshed = await trial.post('/api/v1/token/refresh/', { refresh: one.refresh });
  expect(refreshed.status).toBe(401);
  expect((await ann.submit('/tokens', { act: 'end', login: one.session_id })).status).toBe(404);
  expect((await ann.submit('/tokens', { act: 'end', login: 'others' })).status).toBe(303);
  expect(await alive()).toEqual([401, 401, 303, 200]);
  const ended = (await actsIn(trial)).filter((act) => act.includes('session.ended'));
  expect(ended).toEqual([
    `${ANN} session.ended ${one.session_id}`,
    `${ANN} session.ended 2 others of ${ANN}`,
  ]);
  const form_key = ann.seal['form_key'] ?? '';
  expect((await trial.page('/logout', { form_key }, { cookie: ann.cookie })).status).toBe(303);
  expect(await alive()).toEqual([401, 401, 303, 303]);
  expect((await actsIn(trial)).at(-1)).toMatch(/^ann@kitty\.example session\.ended 01/);
});

it('logs out for good who is removed from a team', async () => {
  const trial = await startPeopleTrial();
  const ann = await openBrowser(trial, ANN, 'harbour');
  const cas = await openBrowser(trial, CAS, 'harbour');
  await ann.submit('/members', { act: 'remove', email: CAS });
  await ann.submit('/members', { act: 'join', email: CAS, role: 'member' });
  expect((await trial.page('/', null, { cookie: cas.cookie })).status).toBe(303);
});

it('makes tokens of the kind that was asked for', async () => {
  const trial = await startPeopleTrial();
  const events = [envelope(1), envelope(2, { project_uuid: OTHER_PROJECT, project_slug: 'other' })];
  await send(trial, events, bearer((await trial.login(ANN, 'harbour')).access));
  const ann = await openBrowser(trial, ANN, 'harbour');
  const form = (await ann.look('/tokens')).text;
  expect(form).toMatch(/Every project, those to come too These:/);
  const made = await ann.submit('/tokens', {
    act: 'create',
    ...TOKEN,
    name: ' reader\u202E ',
    scope: 'read',
    lives: 'never',
    projects: 'these',
    [`project-${PROJECT}`]: 'on',
  });
  const secret = shownIn(made.text);
  const list = await replyOf(
    trial.app.fetch(new Request(`${ORIGIN}/api/v1/events/`, { headers: bearer(secret) })),
  );
  expect((list.json['items'] as readonly unknown[]).length).toBe(1);
  await expect(send(trial, [envelope(3)], bearer(secret))).rejects.toThrow('scope_refused');
  const [row] = rowsOf(await ann.look('/tokens'), /newest first/);
  expect(row?.slice(2, 7)).toEqual([
    'read',
    'demo',
    '2026-03-14 09:26 UTC',
    '2026-03-14 09:26 UTC',
    'never',
  ]);
  const bad: readonly (readonly [status: number, fields: Readonly<Record<string, string>>])[] = [
    [400, { ...TOKEN, name: '  ' }],
    [400, { ...TOKEN, projects: 'these' }],
    [400, { ...TOKEN, [`project-${PROJECT}`]: 'on' }],
    [400, { ...TOKEN, projects: 'these', 'project-x': 'on' }],
    [400, { ...TOKEN, scope: 'manage' }],
    [400, { ...TOKEN, lives: '1000000' }],
    [400, { ...TOKEN, act: 'steal' }],
  ];
  for (const [status, fields] of bad)
    expect([fields, (await ann.submit('/tokens', { act: 'create', ...fields })).status]).toEqual([
      fields,
      status,
    ]);
  expect(rowsOf(await ann.look('/tokens'), /newest first/)).toHaveLength(1);
});
