import { readAudit } from '../../src/server/identity/administration.ts';
import { accountWithEmail } from '../../src/server/identity/users.ts';
import { startBrowserLogin } from '../../src/server/login/logins.ts';
import { formKey } from '../../src/server/pages/browser.ts';
import { type LoginTrial, type Page, startLoginTrial } from './login-trial.ts';
import { allIn, type Element, readPage } from './page-view.ts';

type Fields = Readonly<Record<string, string>>;

export const ANN = 'ann@kitty.example';
export const BEN = 'ben@kitty.example';
export const CAS = 'cas@kitty.example';
export const ZOE = 'zoe@kitty.example';
export const NEW = 'new@kitty.example';

/** A receiver where the harbour has an owner, an admin and a member, and the orchard is Zoe's. */
export async function startPeopleTrial(place?: string): Promise<LoginTrial> {
  const trial = await startLoginTrial(place);
  await trial.person(ANN, { harbour: 'owner' });
  await trial.person(BEN, { harbour: 'admin' });
  await trial.person(CAS, { harbour: 'member' });
  await trial.person(ZOE, { orchard: 'owner' });
  return trial;
}

/** Somebody at a browser of their own. */
export interface Browser {
  readonly cookie: string;
  /** What the forms of this login carry. */
  readonly seal: Fields;
  /** A page as it is read; `status` is 200 unless it is said. */
  look(path: string, status?: number): Promise<Element>;
  /** What a form of this browser leads to. */
  submit(path: string, fields: Fields): Promise<Page>;
}

/** Logs in, without the work of a password, and turns to a team. */
export async function openBrowser(
  trial: LoginTrial,
  email: string,
  team: string | null = null,
): Promise<Browser> {
  const account = await accountWithEmail(trial.store.driver, email);
  const secret = account === null ? null : await startBrowserLogin(trial.identity, account.user);
  if (secret === null) throw new Error(`${email} has no account`);
  const cookie = `receiver_session=${secret}`;
  const form_key = formKey(secret);
  if (team !== null) await trial.page('/team', { team, form_key }, { cookie });
  const overview = readPage((await trial.page('/', null, { cookie })).text);
  const about = allIn(overview, 'option').find(({ attributes }) => 'selected' in attributes);
  const seal = { form_key, about: about?.attributes['value'] ?? '' };
  return {
    cookie,
    seal,
    look: async (path, status = 200) => {
      const page = await trial.page(path, null, { cookie, accept: 'text/html' });
      if (page.status !== status) throw new Error(`${path} is ${page.status}: ${page.text}`);
      return readPage(page.text);
    },
    submit: (path, fields) =>
      trial.page(path, { ...seal, ...fields }, { cookie, accept: 'text/html' }),
  };
}

/** What the form that makes a token says. */
export const TOKEN = { name: 'ci', scope: 'ingest', lives: '90', projects: 'all' };

/** What a page shows once. */
export function shownIn(text: string): string {
  const [secret] = allIn(readPage(text), 'p', 'secret');
  return secret === undefined ? '' : (allIn(secret, 'code')[0]?.text ?? '');
}

/** The id of a token that the page offers to revoke. */
export async function idOf(browser: Browser, name: string): Promise<string> {
  const page = await browser.look('/tokens');
  const form = allIn(page, 'form').find(({ text }) => text === `Revoke ${name}`);
  const fields = form === undefined ? [] : allIn(form, 'input');
  return fields.find(({ attributes }) => attributes['name'] === 'token')?.attributes['value'] ?? '';
}

/** Everything that was noted, oldest first; its chain has to hold. */
export async function actsIn({ store }: LoginTrial): Promise<readonly string[]> {
  const { entries, brokenAt } = await readAudit(store, 1_000);
  if (brokenAt !== null) throw new Error(`the audit is broken at ${brokenAt}`);
  return entries.map(({ actor, action, subject }) => `${actor} ${action} ${subject}`).toReversed();
}
