import { requirePerson } from '../auth.ts';
import { readForm } from '../http/form.ts';
import { addressOf, type Handler, type Here } from '../http/here.ts';
import { limited } from '../http/login.ts';
import { countAttempt, forgiveAttempt } from '../login/attempts.ts';
import { remember } from '../identity/audit.ts';
import { decideDeviceGrant, parseUserCode } from '../login/device-grants.ts';
import type { Identity } from '../identity/identity.ts';
import { teamFor } from '../login/logins.ts';
import type { LiveSession } from '../login/sessions.ts';
import { teamsOfUser } from '../identity/teams.ts';
import { PAGES } from '../routes.ts';
import { cookieOf, formKey, requireFormKey, requireOwnOrigin } from './browser.ts';
import { problemOf } from './entrance.ts';
import { html, page } from './html.ts';

/** The page where a person who is logged in lets a device in (RFC 8628 section 3.3). */
export function deviceHandlers(
  identity: Identity,
): Readonly<Record<'devicePage' | 'decideDevice', Handler>> {
  return {
    devicePage: (c) => ask(identity, c, null),
    decideDevice: (c) => decide(identity, c),
  };
}

async function ask({ store }: Identity, c: Here, problem: string | null): Promise<Response> {
  const session = requirePerson(c.var.visitor);
  const teams = await teamsOfUser(store.driver, session.userId);
  const key = formKey(cookieOf(c) ?? '');
  const choices = teams.map(
    ({ team, role }) => html`<option value="${team.id}">${team.name} (${role})</option>`,
  );
  return page(
    'Let a device in',
    html`${problemOf(problem)}<p>You are ${session.email}. Go on only if you started this yourself, on a machine of yours
that shows the same code.</p>
<form method="post" action="${PAGES.device}">
<input type="hidden" name="form_key" value="${key}">
<label>Code <input name="user_code" required autocomplete="off" value="${c.req.query('user_code') ?? ''}"></label>
<label>It speaks for <select name="team">${choices}</select></label>
<button name="decision" value="approve">Let it in</button>
<button name="decision" value="deny">Turn it away</button></form>
<form method="post" action="${PAGES.logout}"><input type="hidden" name="form_key" value="${key}">
<button>Log out</button></form>`,
    { status: problem === null ? 200 : 400 },
  );
}

async function decide(identity: Identity, c: Here): Promise<Response> {
  requireOwnOrigin(c);
  const form = await readForm(c);
  requireFormKey(form, cookieOf(c) ?? '');
  const session = requirePerson(c.var.visitor);
  const isApproval = form.get('decision') === 'approve';
  const isKnown = await settle(identity, session, {
    userCode: form.get('user_code') ?? '',
    team: isApproval ? (form.get('team') ?? '') : null,
    address: addressOf(c),
  });
  if (!isKnown) return ask(identity, c, 'No device waits under this code.');
  return isApproval
    ? page('It is in', html`<p>The device goes on by itself. You may close this page.</p>`)
    : page('Turned away', html`<p>The device was turned away.</p>`);
}

interface Decision {
  readonly userCode: string;
  /** Null turns the device away. */
  readonly team: string | null;
  readonly address: string;
}

async function settle(
  { store, clock }: Identity,
  session: LiveSession,
  { userCode, team, address }: Decision,
): Promise<boolean> {
  const now = clock.now();
  const attempt = { account: `device ${session.userId}`, address };
  const waitMs = await countAttempt(store.driver, attempt, now);
  if (waitMs !== null) throw limited(waitMs);
  const code = parseUserCode(userCode);
  if (code === null) return false;
  const { userId, email } = session;
  const isDone = await store.driver.tx(async (sql) => {
    const teamId = team === null ? null : await teamFor(sql, userId, team);
    if (team !== null && teamId === null) return false;
    const approval = teamId === null ? null : { userId, teamId };
    if (!(await decideDeviceGrant(sql, code, approval, now))) return false;
    const action = approval === null ? 'device.denied' : 'device.approved';
    await remember(sql, { at: now, teamId, actor: email, action, subject: address });
    return true;
  });
  if (isDone) await forgiveAttempt(store.driver, attempt);
  return isDone;
}
