import { HttpError } from '../http/errors.ts';
import { readForm } from '../http/form.ts';
import { addressOf, type Handler, type Here } from '../http/here.ts';
import { limited } from '../http/login.ts';
import type { Identity } from '../identity/identity.ts';
import { linkOwner } from '../login/links.ts';
import { endOwnLogins, provePassword, startBrowserLogin } from '../login/logins.ts';
import { MIN_PASSWORD_CHARS } from '../login/passwords.ts';
import { setUpAccount } from '../login/setup.ts';
import { requirePerson } from '../auth.ts';
import { PAGES } from '../routes.ts';
import { cookieOf, requireFormKey, requireOwnOrigin, setCookie } from './browser.ts';
import { goTo, html, type Html, page } from './html.ts';

/** The pages by which a person comes in: the first account, a chosen password, a login. */
export function entranceHandlers(
  identity: Identity,
): Readonly<Record<'setupPage' | 'setUp' | 'loginPage' | 'enter' | 'leave', Handler>> {
  return {
    setupPage: (c) => showSetup(identity, c.req.query('code') ?? '', null),
    setUp: (c) => setUp(identity, c),
    loginPage: (c) => showLogin(nextOf(c.req.query('next')), null),
    enter: (c) => enter(identity, c),
    leave: (c) => leave(identity, c),
  };
}

async function showSetup(
  identity: Identity,
  code: string,
  problem: string | null,
): Promise<Response> {
  const { store, clock } = identity;
  const owner = await linkOwner(store.driver, code, clock.now());
  if (owner === null) {
    const text = html`<p>This link has been used or has expired. Ask for another one.</p>`;
    return page('Link not valid', text, { status: 404 });
  }
  const isFirst = owner.userId === null;
  const who = html`<label>Email <input name="email" type="email" required autocomplete="username"></label>
<label>Name <input name="name" autocomplete="name"></label>`;
  return page(
    isFirst ? 'First account' : 'Choose a password',
    html`${problemOf(problem)}<form method="post" action="${PAGES.setup}">
<input type="hidden" name="code" value="${code}">
${isFirst ? who : []}
<label>Password, at least ${String(MIN_PASSWORD_CHARS)} characters
<input name="password" type="password" required minlength="${String(MIN_PASSWORD_CHARS)}" autocomplete="new-password"></label>
<button>Go on</button></form>`,
    { status: problem === null ? 200 : 400 },
  );
}

async function setUp(identity: Identity, c: Here): Promise<Response> {
  requireOwnOrigin(c);
  const form = await readForm(c);
  const code = form.get('code') ?? '';
  const done = await setUpAccount(identity, code, {
    email: form.get('email') ?? '',
    name: form.get('name') ?? '',
    password: form.get('password') ?? '',
  });
  if (done.kind === 'refused') return showSetup(identity, code, done.problem);
  const secret = await startBrowserLogin(identity, { id: done.userId });
  if (secret === null) throw new HttpError(403, 'login_refused', 'this account cannot log in');
  return page(
    'Welcome',
    html`<p>You are logged in. <a href="${PAGES.overview}">See what is here</a>, or close this page.</p>`,
    {
      headers: setCookie(c, secret),
    },
  );
}

function showLogin(next: string, problem: string | null): Response {
  return page(
    'Log in',
    html`${problemOf(problem)}<form method="post" action="${PAGES.login}">
<input type="hidden" name="next" value="${next}">
<label>Email <input name="username" type="email" required autocomplete="username"></label>
<label>Password <input name="password" type="password" required autocomplete="current-password"></label>
<button>Log in</button></form>`,
    { status: problem === null ? 200 : 401 },
  );
}

async function enter(identity: Identity, c: Here): Promise<Response> {
  requireOwnOrigin(c);
  const form = await readForm(c);
  const next = nextOf(form.get('next'));
  const proof = await provePassword(identity, {
    username: form.get('username') ?? '',
    password: form.get('password') ?? '',
    address: addressOf(c),
  });
  if (proof.kind === 'limited') throw limited(proof.waitMs);
  const secret = proof.kind === 'proven' ? await startBrowserLogin(identity, proof.user) : null;
  if (secret === null) return showLogin(next, 'Email or password is wrong.');
  return goTo(next, setCookie(c, secret));
}

async function leave(identity: Identity, c: Here): Promise<Response> {
  requireOwnOrigin(c);
  requireFormKey(await readForm(c), cookieOf(c) ?? '');
  const session = requirePerson(c.var.visitor);
  await endOwnLogins(identity, session, session.id);
  return goTo(PAGES.login, setCookie(c, null));
}

/** Where a login leads on to: a page of this receiver, never another place. */
function nextOf(text: string | undefined): string {
  return text !== undefined && /^\/(?![/\\])[\w/?=&%.~!*'()-]*$/.test(text) ? text : PAGES.overview;
}

export function problemOf(problem: string | null): Html {
  return problem === null ? html`` : html`<p role="alert"><strong>${problem}</strong></p>`;
}
