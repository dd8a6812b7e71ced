import { EXIT, printable, UserError } from '../../base/index.ts';
import { operatorScope } from '../auth.ts';
import { drawLink, PASSWORD_LINK_MS } from '../login/links.ts';
import { endSessionsOf } from '../login/sessions.ts';
import { rotateKeys } from '../login/signing-keys.ts';
import type { Sql } from '../store/driver.ts';
import { LOCAL_TEAM, type Store } from '../store/store.ts';
import type { TeamScope } from '../store/team-scope.ts';
import { type AuditAction, type AuditEntry, brokenEntry, latestActs, remember } from './audit.ts';
import type { Identity } from './identity.ts';
import { type Project, projectsOf } from './projects.ts';
import {
  allTeams,
  insertTeam,
  isTeamName,
  type Member,
  membersOf,
  type Team,
  teamNamed,
} from './teams.ts';
import {
  accountWithEmail,
  allUsers,
  insertUser,
  parseEmail,
  setDisabled,
  type User,
} from './users.ts';

/** Who holds the database administers it: that is how the audit names them. */
export const OPERATOR = 'operator';

/** An account with the code of the link by which its user chooses a password. */
export interface Invitation {
  readonly user: User;
  readonly code: string;
}

/**
 * Adds a user with a private teamspace of their own, and invites them to choose a password within three days.
 * @throws UserError `usage` for what is no email address, or is known already.
 */
export async function addUser(
  identity: Identity,
  { email: text, name }: { readonly email: string; readonly name: string | null },
): Promise<Invitation> {
  const email = parseEmail(text);
  if (email === null) throw usage(`no email address: ${printable(text, 100)}`, USER_HELP);
  return identity.store.driver.tx((sql) =>
    insertInvited(identity, sql, { email, name: name ?? email }, OPERATOR),
  );
}

/** The same within a transaction that does more. @throws UserError `usage` for an email that is known already. */
export async function insertInvited(
  identity: Identity,
  sql: Sql,
  { email, name }: { readonly email: string; readonly name: string },
  actor: string,
): Promise<Invitation> {
  const { ids, clock } = identity;
  const now = clock.now();
  const [id, teamId] = [ids.ulid(), ids.ulid()];
  if (!(await insertUser(sql, { id, teamId, email, name, password: null }, now)))
    throw usage(`${email} has an account already`, USER_HELP);
  await note(identity, sql, ['user.created', email, null], actor);
  const code = await drawLink(identity, sql, { userId: id }, { now, livesMs: PASSWORD_LINK_MS });
  return { user: { id, email, name, createdAt: now, disabledAt: null }, code };
}

/** Invites a user to choose another password; the present one stays until then. @throws UserError `not_found`. */
export async function inviteAgain(identity: Identity, email: string): Promise<Invitation> {
  const user = await userNamed(identity.store.driver, email);
  const times = { now: identity.clock.now(), livesMs: PASSWORD_LINK_MS };
  const code = await identity.store.driver.tx((sql) =>
    drawLink(identity, sql, { userId: user.id }, times),
  );
  return { user, code };
}

/** Every user in the order of their emails. */
export async function listUsers({ driver }: Store): Promise<readonly User[]> {
  return allUsers(driver);
}

/**
 * Ends an account's force, and all its logins with it, or restores it without them.
 * @throws UserError `not_found`.
 */
export async function setAccount(
  identity: Identity,
  email: string,
  isEnabled: boolean,
): Promise<User> {
  const now = identity.clock.now();
  return identity.store.driver.tx(async (sql) => {
    const user = await userNamed(sql, email);
    await setDisabled(sql, user.id, isEnabled ? null : now);
    if (!isEnabled) await endSessionsOf(sql, user.id, { now, ending: 'disabled' });
    const action = isEnabled ? 'user.enabled' : 'user.disabled';
    await note(identity, sql, [action, user.email, null]);
    return user;
  });
}

/** Adds a shared team. @throws UserError `usage` for a name that is none, or is taken. */
export async function createTeam(identity: Identity, name: string): Promise<Team> {
  if (!isTeamName(name)) {
    throw usage('a team is named with 1 to 40 of a-z, 0-9 and hyphens', TEAM_HELP);
  }
  const { ids, clock, store } = identity;
  const team = { id: ids.ulid(), name, isPrivate: false, createdAt: clock.now() };
  await store.driver.tx(async (sql) => {
    if (!(await insertTeam(sql, team.id, name, team.createdAt))) {
      throw usage(`there is a team ${name} already`, TEAM_HELP);
    }
    await note(identity, sql, ['team.created', name, team.id]);
  });
  return team;
}

/** A team with who is in it. */
export interface TeamEntry extends Team {
  readonly members: readonly Member[];
}

/** Every team with its members, shared ones first. */
export async function listTeams({ driver }: Store): Promise<readonly TeamEntry[]> {
  const teams = await allTeams(driver);
  return Promise.all(
    teams.map(async (team) => ({ ...team, members: await membersOf(driver, team.id) })),
  );
}

/** The team that an operator's command is about; `local` without a name. @throws UserError `not_found`. */
export async function teamForOperator({ driver }: Store, name: string | null): Promise<TeamScope> {
  return operatorScope((await requireTeam(driver, name ?? LOCAL_TEAM)).id);
}

/** The projects of a team, by name or id; of `local` without one. @throws UserError `not_found`. */
export async function listProjects(store: Store, team: string | null): Promise<readonly Project[]> {
  const scope = await teamForOperator(store, team);
  return projectsOf(store.driver.of(scope), scope);
}

/** What the audit says last, newest first, and the first entry of all that breaks its chain. */
export interface Audit {
  readonly entries: readonly AuditEntry[];
  readonly brokenAt: number | null;
}

/** Reads the audit and checks the whole of it. */
export async function readAudit({ driver }: Store, limit: number): Promise<Audit> {
  return { entries: await latestActs(driver, limit), brokenAt: await brokenEntry(driver) };
}

/** Signs with a new key from now on; tokens of the old one are believed until they expire. @returns the key's id. */
export async function rotateSigningKey(identity: Identity): Promise<string> {
  const id = await rotateKeys(identity);
  await note(identity, identity.store.driver, ['key.rotated', id, null]);
  return id;
}

/** Remembers what somebody did who administers; the operator, unless another is named. */
export async function note(
  { clock }: Pick<Identity, 'clock'>,
  sql: Sql,
  [action, subject, teamId]: readonly [AuditAction, string, string | null],
  actor = OPERATOR,
): Promise<void> {
  await remember(sql, { at: clock.now(), teamId, actor, action, subject });
}

/** The user with this email. @throws UserError `not_found`. */
export async function userNamed(sql: Sql, text: string): Promise<User> {
  const email = parseEmail(text);
  const account = email === null ? null : await accountWithEmail(sql, email);
  if (account !== null) return account.user;
  throw notFound(`nobody has the email ${printable(text, 100)}`, 'spec-kitty receiver user list');
}

/** The team with this name or id. @throws UserError `not_found`. */
export async function requireTeam(sql: Sql, name: string): Promise<Team> {
  const team = await teamNamed(sql, name);
  if (team !== null) return team;
  throw notFound(`no team is named ${printable(name, 100)}`, 'spec-kitty receiver team list');
}

export function notFound(message: string, remedy: string): UserError {
  return new UserError('not_found', message, { remedy });
}

const USER_HELP = 'spec-kitty receiver user --help';
export const TEAM_HELP = 'spec-kitty receiver team --help';

export function usage(message: string, remedy: string): UserError {
  return new UserError('usage', message, { remedy, exitCode: EXIT.refused });
}
