import { expect, it } from 'vitest';
import { type LoginTrial, PASSWORD } from '../../../../test/support/login-trial.ts';
import { allIn, rowsOf } from '../../../../test/support/page-view.ts';
import {
  actsIn,
  ANN,
  BEN,
  CAS,
  idOf,
  NEW,
  openBrowser,
  shownIn,
  startPeopleTrial,
  TOKEN,
  ZOE,
} from '../../../../test/support/people-trial.ts';
import { everyDatabase } from '../../../../test/support/postgres.ts';
import { bearer, envelope, send } from '../../../../test/support/receiver-trial.ts';
import { teamForOperator } from '../../identity/administration.ts';
import { limitTeam } from '../../operations/quotas.ts';

async function rolesIn(trial: LoginTrial): Promise<Readonly<Record<string, string>>> {
  type Row = { readonly email: string; readonly role: string };
  const rows = await trial.store.driver.all<Row>(
    `SELECT u.email, m.role FROM memberships m JOIN users u ON u.user_id = m.user_id
    JOIN teams t ON t.team_id = m.team_id WHERE t.name = 'harbour' ORDER BY u.email`,
  );
  return Object.fromEntries(rows.map(({ email, role }) => [email, role]));
}

const PLACES = await everyDatabase();

it.each(PLACES)(
  'does for a team what its owner asks, and notes it, on %s',
  async (_on, placeOf) => {
    const trial = await startPeopleTrial(await placeOf());
    await send(trial, [envelope(1)], bearer((await trial.login(ANN, 'harbour')).access));
    const ann = await openBrowser(trial, ANN, 'harbour');
    const before = (await actsIn(trial)).length;
    const members = await ann.look('/members');
    expect(rowsOf(members, /3 members/).map((cells) => cells.slice(0, 4))).toEqual([
      [ANN, 'owner', '2026-03-14 09:26 UTC', '2026-03-14 09:26 UTC'],
      [BEN, 'admin', '2026-03-14 09:26 UTC', 'never'],
      [CAS, 'member', '2026-03-14 09:26 UTC', 'never'],
    ]);

    expect((await ann.submit('/members', { act: 'role', email: BEN, role: 'owner' })).status).toBe(
      303,
    );
    expect((await ann.submit('/members', { act: 'remove', email: CAS })).status).toBe(303);
    expect(
      (await ann.submit('/members', { act: 'join', email: ZOE, role: 'read-only' })).status,
    ).toBe(303);
    const invited = await ann.submit('/members', { act: 'join', email: NEW, role: 'member' });
    expect([invited.status, invited.headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(await rolesIn(trial)).toEqual({
      [ANN]: 'owner',
      [BEN]: 'owner',
      [NEW]: 'member',
      [ZOE]: 'read-only',
    });

    const made = await ann.submit('/tokens', { act: 'create', ...TOKEN });
    const secret = shownIn(made.text);
    expect([made.status, made.headers.get('location'), made.headers.get('cache-control')]).toEqual([
      200,
      null,
      'no-store',
    ]);
    expect(await send(trial, [envelope(2)], bearer(secret))).toMatchObject([{ status: 'success' }]);
    const id = await idOf(ann, 'ci');
    const [row] = rowsOf(await ann.look('/tokens'), /newest first/);
    expect(row?.slice(0, 7)).toEqual([
      `ci ${id}`,
      secret.slice(0, 12),
      'ingest',
      'every project',
      '2026-03-14 09:26 UTC',
      '2026-03-14 09:26 UTC',
      '2026-06-12 09:26 UTC',
    ]);
    expect((await ann.submit('/tokens', { act: 'revoke', token: id })).status).toBe(303);
    await expect(send(trial, [envelope(3)], bearer(secret))).rejects.toThrow('401');

    const exported = await ann.submit('/audit', { act: 'export', what: 'token.revoked' });
    expect(exported.text).toContain(`${ANN},token.revoked,${id}`);

    expect((await ann.submit('/tokens', { act: 'end', login: 'others' })).status).toBe(303);

    expect((await actsIn(trial)).slice(before)).toEqual([
      `${ANN} member.set ${BEN} owner`,
      `${ANN} member.removed ${CAS}`,
      `${ANN} member.set ${ZOE} read-only`,
      `${ANN} user.created ${NEW}`,
      `${ANN} member.set ${NEW} member`,
      `${ANN} token.created ${id}`,
      `${ANN} token.revoked ${id}`,
      `${ANN} audit.exported 1 from 17 to 17, token.revoked`,
      `${ANN} session.ended 1 others of ${ANN}`,
    ]);
    // Nothing of what is shown once is in the log, the audit or an address.
    const kept = JSON.stringify([trial.logged, await actsIn(trial)]);
    for (const once of [secret, shownIn(invited.text).split('code=')[1] ?? 'no code'])
      expect(kept).not.toContain(once);
    const again = [await ann.look('/tokens'), await ann.look('/audit'), await ann.look('/members')];
    expect(again.filter(({ text }) => text.includes(secret.slice(14)))).toEqual([]);
  },
);

it('lets who is invited choose a password by the link, once', async () => {
  const trial = await startPeopleTrial();
  const ann = await openBrowser(trial, ANN, 'harbour');
  const link = shownIn(
    (await ann.submit('/members', { act: 'join', email: NEW, role: 'member' })).text,
  );
  expect(link).toMatch(/^http:\/\/localhost\/setup\?code=skl_/);
  const code = link.split('code=')[1] ?? '';
  const chosen = { code, password: PASSWORD };
  expect((await trial.page('/setup', chosen)).text).toContain('You are logged in');
  expect((await trial.page('/setup', chosen)).status).toBe(404);
  const fresh = await openBrowser(trial, NEW, 'harbour');
  expect((await fresh.look('/members')).text).toContain(ANN);
  // A known account gets no link: it would open what it has in other teams.
  const known = await ann.submit('/members', { act: 'join', email: ZOE, role: 'member' });
  expect([known.status, known.text]).toEqual([303, '']);
  const twice = await ann.submit('/members', { act: 'join', email: ZOE, role: 'member' });
  expect([twice.status, twice.text.includes('is in harbour already')]).toEqual([400, true]);
  const none = await ann.submit('/members', { act: 'join', email: 'no address', role: 'member' });
  expect([none.status, none.text.includes('no email address')]).toEqual([400, true]);
});

it('never leaves a team without an owner', async () => {
  const trial = await startPeopleTrial();
  const ann = await openBrowser(trial, ANN, 'harbour');
  for (const fields of [
    { act: 'role', email: ANN, role: 'admin' },
    { act: 'remove', email: ANN },
  ]) {
    const { status, text } = await ann.submit('/members', fields);
    expect([status, text.includes('is the last owner of harbour')]).toEqual([400, true]);
  }
  await ann.submit('/members', { act: 'role', email: BEN, role: 'owner' });
  const ben = await openBrowser(trial, BEN, 'harbour');
  const both = await Promise.all([
    ann.submit('/members', { act: 'role', email: BEN, role: 'member' }),
    ben.submit('/members', { act: 'role', email: ANN, role: 'member' }),
  ]);
  expect(both.filter(({ status }) => status === 303)).toHaveLength(1);
  expect(Object.values(await rolesIn(trial)).filter((role) => role === 'owner')).toHaveLength(1);
});

it('keeps a private teamspace to its user', async () => {
  const trial = await startPeopleTrial();
  const ann = await openBrowser(trial, ANN);
  const page = await ann.look('/members');
  expect(page.text).toContain("its user's alone");
  expect(allIn(page, 'form').filter(({ text }) => /Add|Remove/.test(text))).toEqual([]);
  const joined = await ann.submit('/members', { act: 'join', email: BEN, role: 'member' });
  expect([joined.status, joined.text.includes('alone')]).toEqual([400, true]);
});

it('lets nobody reach over to another team', async () => {
  const trial = await startPeopleTrial();
  const zoe = await openBrowser(trial, ZOE, 'orchard');
  await zoe.submit('/tokens', { act: 'create', ...TOKEN, name: 'theirs' });
  const theirs = await idOf(zoe, 'theirs');
  const login = await trial.login(ZOE, 'orchard');
  const ann = await openBrowser(trial, ANN, 'harbour');
  const pairs = [
    ['/tokens', { act: 'revoke', token: theirs }, { act: 'revoke', token: 'nobodys' }],
    ['/tokens', { act: 'end', login: login.session_id }, { act: 'end', login: 'nobodys' }],
    [
      '/members',
      { act: 'role', email: ZOE, role: 'member' },
      { act: 'role', email: 'zzz@kitty.example', role: 'member' },
    ],
    ['/members', { act: 'remove', email: ZOE }, { act: 'remove', email: 'zzz@kitty.example' }],
  ] as const;
  for (const [path, theirsAsked, nobodys] of pairs) {
    const [given, wanted] = [await ann.submit(path, theirsAsked), await ann.submit(path, nobodys)];
    const [one, other] = [given, wanted].map(({ status, text }) => [
      status,
      text.replaceAll(/zoe|zzz/g, '…'),
    ]);
    expect([path, given.status >= 400, one]).toEqual([path, true, other]);
  }
  expect((await trial.get('/api/v1/me', login.access)).status).toBe(200);
  const pages = [await ann.look('/members'), await ann.look('/tokens'), await ann.look('/audit')];
  for (const { text } of pages) expect(text).not.toMatch(/zoe|orchard|theirs/);
  const csv = await ann.submit('/audit', { act: 'export' });
  expect(csv.text).not.toMatch(/zoe|orchard/);
  // A page that was made for a team that the browser has left since does nothing to the next one.
  await trial.person('max@kitty.example', { harbour: 'owner', orchard: 'owner' });
  const max = await openBrowser(trial, 'max@kitty.example', 'orchard');
  await trial.page(
    '/team',
    { team: 'harbour', form_key: max.seal['form_key'] ?? '' },
    { cookie: max.cookie },
  );
  expect((await max.submit('/members', { act: 'remove', email: ANN })).status).toBe(409);
});

it('limits how often somebody may ask who has an account, and no login by it', async () => {
  const trial = await startPeopleTrial();
  const ann = await openBrowser(trial, ANN, 'harbour');
  const statuses = new Map<number, number>();
  for (let count = 0; count < 65; count += 1) {
    const { status } = await ann.submit('/members', { act: 'join', email: CAS, role: 'member' });
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  expect([...statuses]).toEqual([
    [400, 60],
    [429, 5],
  ]);
  for (let count = 0; count < 5; count += 1) {
    const guess = { username: ANN, password: `guess ${count}` };
    expect((await trial.page('/login', guess)).status).toBe(401);
  }
  expect((await trial.page('/login', { username: ANN, password: 'guess' })).status).toBe(429);
});

it.each([
  [50, 'There is room'],
  [80, 'Nearly full'],
  [100, 'Full: nothing more is taken'],
])('says that a team uses %i %% of its room', async (percent, words) => {
  const trial = await startPeopleTrial();
  const ann = await openBrowser(trial, ANN, 'harbour');
  expect((await ann.look('/members')).text).toContain('This team has no limit');
  const team = await teamForOperator(trial.store, 'harbour');
  await limitTeam(trial.store, { team, maxBytes: 4_096 }, trial.clock);
  await trial.store.driver.all(
    'UPDATE team_quotas SET used_bytes = $1 WHERE team_id = $2 RETURNING team_id',
    [Math.ceil(40.96 * percent), team],
  );
  const page = await ann.look('/members');
  expect(page.text).toContain(`of 4.0 KiB, ${percent} %. ${words}`);
  expect(allIn(page, 'meter')[0]?.attributes).toMatchObject({ value: String(percent), high: '80' });
});
