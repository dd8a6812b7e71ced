import { expect, it } from 'vitest';
import { type LoginTrial, ORIGIN, startLoginTrial } from '../../../../test/support/login-trial.ts';
import { allIn, type Element, readPage, rowsOf } from '../../../../test/support/page-view.ts';
import {
  ANN,
  BEN,
  CAS,
  idOf,
  NEW,
  openBrowser,
  startPeopleTrial,
  TOKEN,
  ZOE,
} from '../../../../test/support/people-trial.ts';
import { bearer, envelope, send, startTrial } from '../../../../test/support/receiver-trial.ts';
import { teamForOperator } from '../../identity/administration.ts';
import { type Role, ROLES } from '../../identity/rights.ts';
import { createToken } from '../../operator.ts';
import { ROUTES } from '../../routes.ts';

/** What each form of these pages says to do something. */

const FORMS: readonly (readonly [path: string, fields: Readonly<Record<string, string>>])[] = [
  ['/members', { act: 'join', email: NEW, role: 'member' }],
  ['/members', { act: 'role', email: CAS, role: 'read-only' }],
  ['/members', { act: 'remove', email: CAS }],
  ['/tokens', { act: 'create', ...TOKEN }],
  ['/tokens', { act: 'revoke', token: 'ID' }],
  ['/tokens', { act: 'end', login: 'others' }],
  ['/audit', { act: 'export' }],
];

async function stateOf({ store }: LoginTrial): Promise<string> {
  const tables = ['users', 'memberships', 'tokens', 'sessions', 'one_time_links'];
  const rows = await Promise.all(tables.map((name) => store.driver.all(`SELECT * FROM ${name}`)));
  const audit = `SELECT entry FROM audit WHERE action NOT IN ('access.refused')`;
  return JSON.stringify([rows, await store.driver.all(audit)]);
}

it('does nothing for a form that another site, or nobody, sent', async () => {
  const trial = await startPeopleTrial();
  const ann = await openBrowser(trial, ANN, 'harbour');
  await trial.login(ANN);
  await ann.submit('/tokens', { act: 'create', ...TOKEN });
  const id = await idOf(ann, 'ci');
  const other = await openBrowser(trial, ANN, 'harbour');
  const { seal, cookie } = ann;
  const foreign = 'https://evil.example';
  type Way = readonly [name: string, status: number, fields: object, headers: object];
  const ways: readonly Way[] = [
    ['no origin', 403, seal, { cookie, origin: '' }],
    ['a foreign origin', 403, seal, { cookie, origin: foreign }],
    ['an origin of null', 403, seal, { cookie, origin: 'null' }],
    ['a foreign site', 403, seal, { cookie, 'sec-fetch-site': 'cross-site' }],
    ['a site beside it', 403, seal, { cookie, 'sec-fetch-site': 'same-site' }],
    ['no key', 403, { about: seal['about'] }, { cookie }],
    ['a wrong key', 403, { ...seal, form_key: 'x'.repeat(64) }, { cookie }],
    ['the key of another login', 403, { ...seal, form_key: other.seal['form_key'] }, { cookie }],
    ['another team', 409, { ...seal, about: 'local' }, { cookie }],
    ['no team', 409, { form_key: seal['form_key'] }, { cookie }],
    ['JSON', 415, seal, { cookie, 'content-type': 'application/json' }],
    ['plain text', 415, seal, { cookie, 'content-type': 'text/plain' }],
    ['no cookie', 303, seal, {}],
    ['a bearer instead of a cookie', 303, seal, bearer((await trial.login(ANN, 'harbour')).access)],
  ];
  const before = await stateOf(trial);
  let count = 0;
  for (const [path, asked] of FORMS) {
    const fields = 'token' in asked ? { ...asked, token: id } : asked;
    for (const [name, status, sealed, headers] of ways) {
      const answer = await trial.page(path, { ...fields, ...sealed }, { ...headers });
      expect([path, asked['act'], name, answer.status]).toEqual([path, asked['act'], name, status]);
      expect(answer.headers.get('access-control-allow-origin')).toBeNull();
      count += 1;
    }
    const query = new URLSearchParams({ ...fields, ...seal }).toString();
    const got = await trial.page(`${path}?${query}`, null, { cookie });
    expect([path, got.status]).toEqual([path, 200]);
    for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      const init = { method, headers: { cookie, origin: ORIGIN } };
      const { status } = await trial.app.fetch(new Request(`${ORIGIN}${path}`, init));
      expect([path, method, status]).toEqual([path, method, 405]);
    }
  }
  expect(count).toBe(98);
  expect(await stateOf(trial)).toBe(before);
  // Every form of a browser that is logged in is one of these, or has a test of its own.
  const posts = Object.entries(ROUTES).filter(
    ([, { gate, method }]) => gate === 'browser' && method === 'POST',
  );
  expect(posts.map(([name]) => name)).toEqual(
    expect.arrayContaining(['changeMembers', 'changeTokens', 'exportAudit']),
  );
});

it('does for each role what it may, and nothing else', async () => {
  const may: Readonly<Record<Role, readonly string[]>> = {
    owner: [
      'join',
      'join owner',
      'role',
      'role owner',
      'remove',
      'remove owner',
      'create',
      'revoke',
      'end',
      'export',
    ],
    admin: ['join', 'role', 'remove', 'create', 'revoke', 'end', 'export'],
    member: ['end'],
    'read-only': ['end'],
  };
  const cells: string[] = [];
  for (const role of ROLES) {
    const trial = await startLoginTrial();
    await trial.person(ANN, { harbour: role });
    await trial.person(BEN, { harbour: 'owner' });
    await trial.person(CAS, { harbour: 'member' });
    await trial.person(ZOE, { harbour: 'owner' });
    const team = await teamForOperator(trial.store, 'harbour');
    const { ids, random } = trial.identity;
    const made = await createToken(trial.store, {
      name: 'x',
      scope: 'read',
      projects: 'all',
      team,
      clock: trial.clock,
      ids,
      random,
    });
    const browser = await openBrowser(trial, ANN, 'harbour');
    const acts = {
      join: ['/members', { act: 'join', email: NEW, role: 'member' }],
      'join owner': ['/members', { act: 'join', email: 'own@kitty.example', role: 'owner' }],
      role: ['/members', { act: 'role', email: CAS, role: 'read-only' }],
      'role owner': ['/members', { act: 'role', email: CAS, role: 'owner' }],
      'demote owner': ['/members', { act: 'role', email: BEN, role: 'member' }],
      remove: ['/members', { act: 'remove', email: NEW }],
      'remove owner': ['/members', { act: 'remove', email: ZOE }],
      create: ['/tokens', { act: 'create', ...TOKEN }],
      revoke: ['/tokens', { act: 'revoke', token: made.id }],
      end: ['/tokens', { act: 'end', login: 'others' }],
      export: ['/audit', { act: 'export' }],
    } as const;
    for (const [name, [path, fields]] of Object.entries(acts)) {
      const allowed = may[role].includes(name) || (name === 'demote owner' && role === 'owner');
      const before = await stateOf(trial);
      const { status } = await browser.submit(path, fields);
      expect([role, name, status]).toEqual([
        role,
        name,
        allowed ? expect.toSatisfy((got: number) => got < 304) : 403,
      ]);
      if (!allowed) expect(await stateOf(trial)).toBe(before);
      cells.push(`${role} ${name}`);
    }
    const manages = role === 'owner' || role === 'admin';
    const members = await browser.look('/members');
    expect(rowsOf(members, /members/).length).toBeGreaterThan(1);
    expect(/Add a member/.test(members.text)).toBe(manages);
    const tokens = await browser.look('/tokens');
    expect([/Make a token/.test(tokens.text), /Your logins/.test(tokens.text)]).toEqual([
      manages,
      true,
    ]);
    await browser.look('/audit', manages ? 200 : 403);
    const links = allIn(allIn(members, 'nav', 'sections')[0] ?? members, 'a');
    expect(links.some(({ text }) => text === 'Audit')).toBe(manages);
  }
  expect(cells).toHaveLength(44);
});

it('says how to begin where nobody has an account', async () => {
  const trial = await startTrial();
  for (const path of ['/members', '/tokens', '/audit']) {
    const response = await trial.app.fetch(new Request(`${ORIGIN}${path}`));
    const page = readPage(await response.text());
    expect(page.text).toContain('Nobody has an account here yet');
    expect(page.text).toContain(`spec-kitty receiver user add you@example.org --url ${ORIGIN}`);
    expect(allIn(page, 'form').filter(({ attributes }) => attributes['method'] === 'post')).toEqual(
      [],
    );
    const post = await trial.app.fetch(
      new Request(`${ORIGIN}${path}`, { method: 'POST', headers: { origin: ORIGIN } }),
    );
    expect(post.status).toBe(303);
  }
});

const HOSTILE = [
  '<script>alert(1)</script>@x',
  '"><img/src=x/onerror=alert(1)>@x',
  "'onmouseover='alert(1)@x",
  '</title><svg/onload=alert(1)>@x',
  '&lt;b&gt;@x',
];

it('shows hostile names as texts', async () => {
  const trial = await startPeopleTrial();
  const ann = await openBrowser(trial, ANN, 'harbour');
  await send(
    trial,
    [envelope(1, { project_slug: HOSTILE[0] })],
    bearer((await trial.login(ANN, 'harbour')).access),
  );
  for (const text of HOSTILE) {
    const joined = await ann.submit('/members', { act: 'join', email: text, role: 'member' });
    expect(readPage(joined.text).text).toContain(text);
    const made = await ann.submit('/tokens', { act: 'create', ...TOKEN, name: text });
    expect(readPage(made.text).text).toContain(text);
    const odd = await ann.submit('/members', { act: 'role', email: `${text} ?`, role: 'member' });
    expect(readPage(odd.text).text).toContain('is not in harbour');
    const query = new URLSearchParams({ who: text }).toString();
    expect((await ann.look(`/audit?${query}`)).text).toContain('Nothing of this kind');
  }
  for (const path of ['/members', '/tokens', '/audit']) {
    const page = await ann.look(path);
    requirePlain(page);
    const missing = HOSTILE.filter((text) => !page.text.includes(text));
    expect([path, missing]).toEqual([path, []]);
  }
});

const TAGS = new Set(
  'html head meta title style body a header nav div form input span label select option button main h1 h2 p pre code table caption thead tbody tr th td time ul ol li details summary br fieldset legend strong'.split(
    ' ',
  ),
);

const ATTRIBUTES =
  /^(?:class|id|href|rel|lang|charset|name|content|tabindex|role|aria-label|aria-current|scope|datetime|method|action|type|value|required|maxlength|autocomplete|selected|checked)$/;

function requirePlain(element: Element): void {
  for (const child of element.children) {
    expect([child.name, TAGS.has(child.name)]).toEqual([child.name, true]);
    for (const [name, value] of Object.entries(child.attributes)) {
      expect([name, ATTRIBUTES.test(name)]).toEqual([name, true]);
      if (name === 'href' || name === 'action') expect(value).toMatch(/^(?:\/(?!\/)|#main$)/);
    }
    requirePlain(child);
  }
}
