import { timingSafeEqual } from 'node:crypto';
import { type Millis, sha256Hex } from '../../base/index.ts';
import { identifyReader, type Visitor } from '../auth.ts';
import { HttpError } from '../http/errors.ts';
import { type Here, isLocal } from '../http/here.ts';
import { BROWSER_MS } from '../login/sessions.ts';
import type { Store } from '../store/store.ts';

const NAME = 'receiver_session';

/**
 * The name of the cookie that a login of this request gets. Away from this machine it is bound to TLS and to exactly
 * this host; on it there is no TLS to be bound to.
 */
function cookieName(c: Here): string {
  return isLocal(c) ? NAME : `__Host-${NAME}`;
}

/** The cookie a browser presents, null for none. */
export function cookieOf(c: Here): string | null {
  const wanted = `${cookieName(c)}=`;
  const found = (c.req.header('cookie') ?? '').split('; ').find((each) => each.startsWith(wanted));
  return found?.slice(wanted.length) ?? null;
}

/** The header that gives a browser its cookie, or takes it away. */
export function setCookie(c: Here, secret: string | null): Readonly<Record<string, string>> {
  const life = secret === null ? 0 : BROWSER_MS / 1000;
  const secure = isLocal(c) ? '' : '; Secure';
  const cookie = `${cookieName(c)}=${secret ?? ''}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${life}`;
  return { 'set-cookie': `${cookie}${secure}` };
}

/** Whether who asked for a page may still read as then: logged in, of the same team. */
export async function mayStillRead(
  store: Store,
  c: Here,
  { visitor, now }: { readonly visitor: Visitor; readonly now: Millis },
): Promise<boolean> {
  try {
    const asked = { cookie: cookieOf(c), isLocal: isLocal(c) };
    const present = await identifyReader(store, asked, now);
    return present !== null && present.team === visitor.team && present.rights.includes('read');
  } catch (error) {
    if (error instanceof HttpError) return false;
    throw error;
  }
}

/** What a form of this login carries, so that nobody else can have written it. */
export function formKey(cookie: string): string {
  return sha256Hex(`form ${cookie}`);
}

/** @throws HttpError 403 for a form that another site sent. */
export function requireOwnOrigin(c: Here): void {
  const site = c.req.header('sec-fetch-site');
  const origin = c.req.header('origin');
  const isOwn = site === undefined || site === 'same-origin' || site === 'none';
  if (isOwn && origin === c.var.base) return;
  throw new HttpError(403, 'foreign_form', 'this form did not come from here');
}

/** @throws HttpError 403 for a form that was not made for this login. */
export function requireFormKey(form: ReadonlyMap<string, string>, cookie: string): void {
  const wanted = Buffer.from(formKey(cookie));
  const given = Buffer.from(form.get('form_key') ?? '');
  if (wanted.length === given.length && timingSafeEqual(wanted, given)) return;
  throw new HttpError(403, 'foreign_form', 'this form did not come from here');
}
