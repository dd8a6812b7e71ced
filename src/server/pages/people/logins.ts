import type { Here } from '../../http/here.ts';
import { type SessionKind, sessionsOfUser, type ShownSession } from '../../login/sessions.ts';
import { PAGES } from '../../routes.ts';
import type { Store } from '../../store/store.ts';
import { type Look, tableOf, text, timeOf } from '../frame.ts';
import { html, type Html } from '../html.ts';
import { sealOf } from './acting.ts';

const MOST_LOGINS = 100;

const KIND: Readonly<Record<SessionKind, string>> = {
  browser: 'browser',
  device: 'device that was let in',
  password: 'program, by password',
};

/** Where the person who looks is logged in, whatever team it is for. */
export async function loginsOf({ driver }: Store, c: Here, look: Look): Promise<Html> {
  const { actor } = look.visitor;
  if (actor.kind !== 'person') return html``;
  const { id: own, userId } = actor.access.session;
  const found = await sessionsOfUser(driver, { userId, limit: MOST_LOGINS + 1 }, look.now);
  const seal = sealOf(c, look);
  const isCut = found.length > MOST_LOGINS;
  return html`<h2>Your logins</h2>
${tableOf(
  isCut ? `The newest ${MOST_LOGINS}` : 'Where you are logged in, newest first',
  [
    { name: 'What' },
    { name: 'Team', kind: 'name' },
    { name: 'Since' },
    { name: 'Last renewed' },
    { name: 'Ends' },
    { name: 'End it now' },
  ],
  found.slice(0, MOST_LOGINS).map((login) => cellsOf(login, own, seal)),
)}
<form method="post" action="${PAGES.tokens}">${seal}<input type="hidden" name="login" value="others">
<button name="act" value="end">Log out everywhere else</button></form>`;
}

function cellsOf(login: ShownSession, own: string, seal: Html): readonly Html[] {
  const { id, kind, team, createdAt, renewedAt, endsAt } = login;
  const end = html`<form method="post" action="${PAGES.tokens}">${seal}<input type="hidden" name="login" value="${id}">
<button name="act" value="end" aria-label="Log out the ${KIND[kind]} of ${team}">Log out</button></form>`;
  return [
    text(KIND[kind]),
    text(team),
    timeOf(createdAt),
    kind === 'browser' ? html`<span class="quiet">not needed</span>` : timeOf(renewedAt),
    timeOf(endsAt),
    id === own ? html`<strong>this one</strong>` : end,
  ];
}
