import { nameOf, requirePerson, requireRight } from '../../auth.ts';
import type { Here } from '../../http/here.ts';
import { limited } from '../../http/login.ts';
import type { Identity } from '../../identity/identity.ts';
import {
  type Administrator,
  changeRole,
  joinTeam,
  removeTeamMember,
} from '../../identity/membership.ts';
import { type Role, ROLES } from '../../identity/rights.ts';
import { shownMembers, type ShownMember, teamNamed } from '../../identity/teams.ts';
import { countBeginning } from '../../login/attempts.ts';
import { PAGES } from '../../routes.ts';
import { problemOf } from '../entrance.ts';
import { amount, framed, type Look, tableOf, text, timeOf, visitOf } from '../frame.ts';
import { goTo, html, type Html } from '../html.ts';
import {
  beginningOf,
  guarded,
  orShow,
  sealOf,
  type Submission,
  submissionOf,
  unknownAct,
} from './acting.ts';
import { storageOf } from './storage.ts';

const MOST_MEMBERS = 1_000;
const INVITE_AGAIN = 'spec-kitty receiver user invite them@example.org';

/** What a role is for, in words. */
const MEANING: Readonly<Record<Role, string>> = {
  owner: 'everything, and makes owners',
  admin: 'members, tokens and audit too',
  member: 'reads and sends',
  'read-only': 'reads',
};

/** Who is in a team, and how much it stores. */
export function membersPage(identity: Identity, c: Here): Promise<Response> {
  return show(identity, c, null);
}

/** A member joins, gets another role, or goes. */
export async function changeMembers(identity: Identity, c: Here): Promise<Response> {
  const asked = await submissionOf(c);
  requireRight(asked.visitor, 'manage');
  return orShow(
    () => change(identity, c, asked),
    (problem) => show(identity, c, problem),
  );
}

async function change(identity: Identity, c: Here, asked: Submission): Promise<Response> {
  const { visitor, act, field } = asked;
  const by: Administrator = { name: nameOf(visitor), rights: visitor.rights };
  const seat = { team: visitor.team, email: field('email') };
  if (act === 'remove') {
    await removeTeamMember(identity, seat, by);
    return goTo(PAGES.members);
  }
  const role = ROLES.find((each) => each === field('role'));
  if (role === undefined || (act !== 'role' && act !== 'join')) throw unknownAct();
  if (act === 'role') {
    await changeRole(identity, { ...seat, role }, by);
    return goTo(PAGES.members);
  }
  await requireCalm(identity, c);
  const { email, code } = await joinTeam(identity, { ...seat, role }, by);
  return code === null ? goTo(PAGES.members) : invitation(identity, c, { email, code });
}

/** Whether an email has an account here is told to who may add members, so not too often. */
async function requireCalm({ store, clock }: Identity, c: Here): Promise<void> {
  const { userId } = requirePerson(c.var.visitor);
  const begun = { what: 'membership', address: userId };
  const waitMs = await countBeginning(store.driver, begun, clock.now());
  if (waitMs !== null) throw limited(waitMs);
}

async function invitation(
  identity: Identity,
  c: Here,
  { email, code }: { readonly email: string; readonly code: string },
): Promise<Response> {
  const look = await visitOf(identity, c, 'manage');
  return framed(c, look, {
    title: 'A link for the new member',
    body: html`<p>${email} has an account now and is in the team. Hand them this link by a way you trust: they choose a password
there. It works once, within three days, and is shown this once.</p>
<p class="secret"><code>${c.var.base}${PAGES.setup}?code=${code}</code></p>
<p class="quiet">A link that got lost is replaced by whoever runs the receiver: <code>${INVITE_AGAIN}</code></p>
<p><a href="${PAGES.members}">Back to the team</a></p>`,
  });
}

async function show(identity: Identity, c: Here, problem: string | null): Promise<Response> {
  const look = await visitOf(identity, c, 'read');
  const { driver } = identity.store;
  const members = await shownMembers(driver, look.team, MOST_MEMBERS + 1);
  const team = await teamNamed(driver, look.team);
  const isPrivate = team?.isPrivate ?? false;
  const isManager =
    look.visitor.actor.kind === 'person' && look.visitor.rights.includes('manage') && !isPrivate;
  return framed(c, look, {
    title: isPrivate ? 'A private teamspace' : `Team ${team?.name ?? ''}`,
    status: problem === null ? 200 : 400,
    body: html`${problemOf(problem)}${beginningOf(c, look)}
${isPrivate ? html`<p>It is its user's alone. Who is in a shared team stands on that team's page: choose it above.</p>` : []}
<h2>Members</h2>
${members.length === 0 ? html`<p class="quiet">Nobody is in this team.</p>` : memberTable(c, look, { members, isManager })}
${isManager ? joining(c, look) : []}
<h2>Storage</h2>
${await storageOf(identity.store, look)}`,
  });
}

interface Shown {
  readonly members: readonly ShownMember[];
  readonly isManager: boolean;
}

function memberTable(c: Here, look: Look, { members, isManager }: Shown): Html {
  const rows = members
    .slice(0, MOST_MEMBERS)
    .map((member) => [
      html`${member.email}${member.isDisabled ? html` <span class="quiet">(account disabled)</span>` : []}`,
      text(member.role),
      timeOf(member.since),
      timeOf(member.lastLoginAt),
      ...(isManager ? [changes(c, look, member)] : []),
    ]);
  const isCut = members.length > MOST_MEMBERS;
  return tableOf(
    isCut ? `The first ${MOST_MEMBERS} members` : amount(members.length, 'member'),
    [
      { name: 'Member', kind: 'name' },
      { name: 'Role' },
      { name: 'In the team since' },
      { name: 'Last login' },
      ...(isManager ? [{ name: 'Change' }] : []),
    ],
    rows,
  );
}

function changes(c: Here, look: Look, { email, role }: ShownMember): Html {
  const given = rolesOf(look);
  if (!given.includes(role)) return html`<span class="quiet">by an owner</span>`;
  const start = html`<form method="post" action="${PAGES.members}">${sealOf(c, look)}<input type="hidden" name="email" value="${email}">`;
  const remove = html`${start}<button name="act" value="remove">Remove ${email}</button></form>`;
  return html`${start}<select name="role" aria-label="Role of ${email}">${options(given, role, (each) => each)}</select>
<button name="act" value="role">Set role</button></form>
${guarded('Remove', remove)}`;
}

function joining(c: Here, look: Look): Html {
  return html`<h2>Add a member</h2>
<form class="fields" method="post" action="${PAGES.members}">${sealOf(c, look)}
<label>Email <input name="email" type="email" required autocomplete="off"></label>
<label>Role <select name="role">${options(rolesOf(look), 'member', (role) => `${role} (${MEANING[role]})`)}</select></label>
<button name="act" value="join">Add</button>
<p class="quiet">Who has no account here gets one, and you get the link by which they choose a password.</p></form>`;
}

function rolesOf({ visitor }: Look): readonly Role[] {
  return ROLES.filter((role) => role !== 'owner' || visitor.rights.includes('own'));
}

function options(
  roles: readonly Role[],
  chosen: Role,
  wordsOf: (role: Role) => string,
): readonly Html[] {
  return roles.map((role) => {
    const words = wordsOf(role);
    return role === chosen
      ? html`<option value="${role}" selected>${words}</option>`
      : html`<option value="${role}">${words}</option>`;
  });
}
