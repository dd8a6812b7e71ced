import { printable } from '../../base/index.ts';
import { HttpError } from '../http/errors.ts';
import { endSessionsIn } from '../login/sessions.ts';
import type { Sql } from '../store/driver.ts';
import {
  insertInvited,
  note,
  notFound,
  OPERATOR,
  requireTeam,
  TEAM_HELP,
  usage,
  userNamed,
} from './administration.ts';
import type { Identity } from './identity.ts';
import { type Right, RIGHTS, type Role } from './rights.ts';
import { hasOtherOwner, memberNamed, removeMember, setMember, type Team } from './teams.ts';
import { accountWithEmail, parseEmail } from './users.ts';

export interface Seat {
  /** Name or id. */
  readonly team: string;
  readonly email: string;
}

export interface NewSeat extends Seat {
  readonly role: Role;
}

/** Who changes a team: what they are called in the audit, and what they may do to it. */
export interface Administrator {
  readonly name: string;
  readonly rights: readonly Right[];
}

const BY_OPERATOR: Administrator = { name: OPERATOR, rights: RIGHTS };

/**
 * Adds a member to a shared team, or gives one another role.
 * @throws UserError `not_found`; `usage` for a private teamspace, and where a team would lose its last owner.
 */
export async function setTeamMember(
  identity: Identity,
  { team: name, email, role }: NewSeat,
): Promise<void> {
  await identity.store.driver.tx(async (sql) => {
    const team = await sharedTeam(sql, name);
    const user = await userNamed(sql, email);
    const member = await memberNamed(sql, team.id, user.email);
    if (member !== null && role !== 'owner') await requireOtherOwner(sql, team, member);
    await seat(identity, sql, { teamId: team.id, user, role }, BY_OPERATOR);
  });
}

/** A member who was added; with the code of the link by which they choose a password, if the account is new. */
export interface Joined {
  readonly email: string;
  readonly code: string | null;
}

/**
 * Adds a member to a shared team. Who has no account yet gets one. Nobody is given a link to an account that is there:
 * it would be a key to what its user has in other teams.
 * @throws UserError `usage` for what is no email address, for who is in the team, for a private teamspace; HttpError 403
 * `scope_refused` where an owner is needed.
 */
export async function joinTeam(
  identity: Identity,
  { team: name, email: text, role }: NewSeat,
  by: Administrator,
): Promise<Joined> {
  const email = parseEmail(text);
  if (email === null) throw usage(`no email address: ${printable(text, 100)}`, TEAM_HELP);
  return identity.store.driver.tx(async (sql) => {
    const team = await sharedTeam(sql, name);
    requireMay(by, [role]);
    if ((await memberNamed(sql, team.id, email)) !== null)
      throw usage(`${email} is in ${team.name} already`, TEAM_HELP);
    const known = await accountWithEmail(sql, email);
    const invited =
      known === null
        ? await insertInvited(identity, sql, { email, name: email }, by.name)
        : { user: known.user, code: null };
    await seat(identity, sql, { teamId: team.id, user: invited.user, role }, by);
    return { email, code: invited.code };
  });
}

/** Gives a member another role. @throws as `joinTeam`; UserError `not_found` for who is no member. */
export async function changeRole(
  identity: Identity,
  { team: name, email, role }: NewSeat,
  by: Administrator,
): Promise<void> {
  await identity.store.driver.tx(async (sql) => {
    const team = await sharedTeam(sql, name);
    const member = await requireMember(sql, team, email);
    requireMay(by, [role, member.role]);
    if (role !== 'owner') await requireOtherOwner(sql, team, member);
    await seat(identity, sql, { teamId: team.id, user: member, role }, by);
  });
}

/** Removes a member of a shared team; what they are logged in to for it ends. @throws as `changeRole`. */
export async function removeTeamMember(
  identity: Identity,
  { team: name, email }: Seat,
  by = BY_OPERATOR,
): Promise<void> {
  await identity.store.driver.tx(async (sql) => {
    const team = await sharedTeam(sql, name);
    const member = await requireMember(sql, team, email);
    requireMay(by, [member.role]);
    await requireOtherOwner(sql, team, member);
    await removeMember(sql, team.id, member.id);
    const end = { now: identity.clock.now(), ending: 'removed' } as const;
    await endSessionsIn(sql, { teamId: team.id, userId: member.id }, end);
    await note(identity, sql, ['member.removed', member.email, team.id], by.name);
  });
}

interface Person {
  readonly id: string;
  readonly email: string;
}

interface Seated {
  readonly teamId: string;
  readonly user: Person;
  readonly role: Role;
}

async function seat(
  identity: Identity,
  sql: Sql,
  { teamId, user, role }: Seated,
  by: Administrator,
): Promise<void> {
  await setMember(sql, { teamId, userId: user.id, role }, identity.clock.now());
  await note(identity, sql, ['member.set', `${user.email} ${role}`, teamId], by.name);
}

async function sharedTeam(sql: Sql, name: string): Promise<Team> {
  const team = await requireTeam(sql, name);
  if (team.isPrivate) throw usage('a private teamspace is its user’s alone', TEAM_HELP);
  return team;
}

async function requireMember(
  sql: Sql,
  team: Team,
  text: string,
): Promise<Person & { readonly role: Role }> {
  const email = parseEmail(text);
  const member = email === null ? null : await memberNamed(sql, team.id, email);
  if (member !== null) return member;
  const shown = printable(text, 100);
  throw notFound(`${shown} is not in ${team.name}`, 'spec-kitty receiver team list');
}

/** Whoever could make themselves an owner would be one. */
function requireMay({ rights }: Administrator, roles: readonly Role[]): void {
  if (!roles.includes('owner') || rights.includes('own')) return;
  throw new HttpError(403, 'scope_refused', 'only an owner makes and unmakes owners');
}

async function requireOtherOwner(
  sql: Sql,
  team: Team,
  { id, email, role }: Person & { readonly role: Role },
): Promise<void> {
  if (role !== 'owner' || (await hasOtherOwner(sql, team.id, id))) return;
  throw usage(`${email} is the last owner of ${team.name}: name another one first`, TEAM_HELP);
}
