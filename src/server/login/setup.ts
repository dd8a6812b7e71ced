import type { Sql } from '../store/driver.ts';
import { LOCAL_TEAM } from '../store/store.ts';
import { remember } from '../identity/audit.ts';
import type { Identity } from '../identity/identity.ts';
import { drawLink, FIRST_LINK_MS, spendLink } from './links.ts';
import { hashPassword, MAX_PASSWORD_CHARS, MIN_PASSWORD_CHARS } from './passwords.ts';
import { endSessionsOf } from './sessions.ts';
import { setMember } from '../identity/teams.ts';
import { hasUsers, insertUser, parseEmail, setPassword, userWithId } from '../identity/users.ts';

export interface Chosen {
  readonly email: string;
  readonly name: string;
  readonly password: string;
}

export type SetUp =
  | { readonly kind: 'done'; readonly userId: string }
  | { readonly kind: 'refused'; readonly problem: string };

/** The code of the link by which the first user comes in; null where there are users already. */
export async function firstLink(identity: Identity): Promise<string | null> {
  const { store, clock } = identity;
  return store.driver.tx(async (sql) => {
    if (await hasUsers(sql)) return null;
    const times = { now: clock.now(), livesMs: FIRST_LINK_MS };
    return drawLink(identity, sql, { userId: null }, times);
  });
}

/** Does what a one-time link is for: makes the first account, or sets the password of another. */
export async function setUpAccount(
  identity: Identity,
  code: string,
  chosen: Chosen,
): Promise<SetUp> {
  const { length } = chosen.password;
  if (length < MIN_PASSWORD_CHARS || length > MAX_PASSWORD_CHARS) {
    return refused(`A password has ${MIN_PASSWORD_CHARS} to ${MAX_PASSWORD_CHARS} characters.`);
  }
  const { store, clock, random } = identity;
  const now = clock.now();
  const password = await hashPassword(chosen.password, random);
  return store.driver.tx(async (sql) => {
    const email = parseEmail(chosen.email);
    const isFirst = !(await hasUsers(sql));
    if (isFirst && email === null) return refused('This is no email address.');
    const owner = await spendLink(sql, code, now);
    if (owner === null) return refused('This link has been used or has expired.');
    if (owner.userId !== null) return choosePassword(sql, owner.userId, { password, now });
    if (!isFirst || email === null) return refused('There is a first account already.');
    const userId = await addFirstUser(identity, sql, { ...chosen, email, password });
    return { kind: 'done', userId };
  });
}

interface NewPassword {
  readonly password: string;
  readonly now: number;
}

/** Whoever was logged in with the old password is logged out. */
async function choosePassword(
  sql: Sql,
  userId: string,
  { password, now }: NewPassword,
): Promise<SetUp> {
  const user = await userWithId(sql, userId);
  if (user === null) return refused('This account does not exist.');
  await setPassword(sql, userId, password);
  await endSessionsOf(sql, userId, { now, ending: 'password' });
  const about = { at: now, teamId: null, actor: user.email, subject: user.email };
  await remember(sql, { ...about, action: 'password.set' });
  return { kind: 'done', userId };
}

/** What came in before there were people becomes the first one's. */
async function addFirstUser(identity: Identity, sql: Sql, chosen: Chosen): Promise<string> {
  const { ids, clock } = identity;
  const now = clock.now();
  const { email, password } = chosen;
  const id = ids.ulid();
  const name = chosen.name.trim() === '' ? email : chosen.name.trim();
  await insertUser(sql, { id, teamId: ids.ulid(), email, name, password }, now);
  await setMember(sql, { teamId: LOCAL_TEAM, userId: id, role: 'owner' }, now);
  const about = { at: now, teamId: LOCAL_TEAM, actor: email, subject: email };
  await remember(sql, { ...about, action: 'user.created' });
  return id;
}

function refused(problem: string): SetUp {
  return { kind: 'refused', problem };
}
