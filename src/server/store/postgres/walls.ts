import { type ClientBase, escapeIdentifier } from 'pg';
import { messageOf, UserError } from '../../../base/index.ts';
import { ROLE, TEAM_SETTING } from './driver.ts';
import { sqlState } from './failures.ts';

/** Pieces of each table that is divided by project: what one machine of several can hold. */
const PIECES = 8;

const UNDIVIDED = `
  SELECT relname AS name FROM pg_class
  WHERE relkind = 'p' AND relnamespace = current_schema()::regnamespace
    AND NOT EXISTS (SELECT 1 FROM pg_inherits WHERE inhparent = pg_class.oid)`;

/** Columns that number rows, of tables that are divided and so have no key of them. */
const NUMBERED = `
  SELECT c.relname AS name, a.attname AS part FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
  WHERE c.relkind IN ('p', 'r') AND NOT c.relispartition AND c.relnamespace = current_schema()::regnamespace
    AND pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%'`;

/** What a team owns: every table that says which team's and which project's a row is. */
const OWNED_BY_TEAMS = `
  SELECT c.relname AS name FROM pg_class c
  WHERE c.relkind IN ('p', 'r') AND NOT c.relispartition AND c.relnamespace = current_schema()::regnamespace
    AND 2 = (SELECT count(*) FROM pg_attribute
      WHERE attrelid = c.oid AND attname IN ('team_id', 'project_id') AND NOT attisdropped)`;

const WALLED = `
  SELECT relname AS name FROM pg_class
  WHERE relforcerowsecurity AND relnamespace = current_schema()::regnamespace`;

const TABLES = `
  SELECT relname AS name FROM pg_class
  WHERE relkind IN ('p', 'r', 'v') AND NOT relispartition AND relnamespace = current_schema()::regnamespace`;

interface Named {
  readonly name: string;
}

/** Lets the owner see all rows while the schema changes; the transaction ends with the walls up again. */
export async function undress(client: ClientBase): Promise<void> {
  for (const name of await namesIn(client, WALLED)) {
    await client.query(`ALTER TABLE ${escapeIdentifier(name)} NO FORCE ROW LEVEL SECURITY`);
  }
}

/**
 * Gives every table what only this database has: pieces, an index of its numbers, the wall between teams, the rights of
 * the role. It asks the catalogue, so a table of a later step has them too.
 */
export async function dress(client: ClientBase): Promise<void> {
  for (const name of await namesIn(client, UNDIVIDED)) await divide(client, name);
  const { rows } = await client.query<Named & { readonly part: string }>(NUMBERED);
  for (const { name, part } of rows) {
    const index = escapeIdentifier(`${name}_by_${part}`);
    await client.query(
      `CREATE INDEX IF NOT EXISTS ${index} ON ${escapeIdentifier(name)} (${escapeIdentifier(part)})`,
    );
  }
  for (const name of await namesIn(client, OWNED_BY_TEAMS)) await wallIn(client, name);
  await grant(client);
}

async function namesIn(client: ClientBase, question: string): Promise<readonly string[]> {
  return (await client.query<Named>(question)).rows.map(({ name }) => name);
}

async function divide(client: ClientBase, table: string): Promise<void> {
  for (let piece = 0; piece < PIECES; piece += 1) {
    await client.query(
      `CREATE TABLE ${escapeIdentifier(`${table}_${piece}`)} PARTITION OF ${escapeIdentifier(table)}
       FOR VALUES WITH (MODULUS ${PIECES}, REMAINDER ${piece})`,
    );
  }
}

/** A setting that was given up reads as an empty text, not as none: both are no team. */
async function wallIn(client: ClientBase, name: string): Promise<void> {
  const table = escapeIdentifier(name);
  await client.query(`
    ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
    ALTER TABLE ${table} FORCE ROW LEVEL SECURITY;
    DROP POLICY IF EXISTS one_team ON ${table};
    CREATE POLICY one_team ON ${table}
      USING (team_id = nullif(current_setting('${TEAM_SETTING}', true), ''))`);
}

/** The pieces themselves are granted to nobody: they have no wall. */
async function grant(client: ClientBase): Promise<void> {
  const { rows } = await client.query<{ readonly schema: string }>(
    'SELECT quote_ident(current_schema()) AS schema',
  );
  const schema = rows[0]?.schema ?? 'public';
  await client.query(`
    GRANT USAGE ON SCHEMA ${schema} TO ${ROLE};
    GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA ${schema} TO ${ROLE}`);
  for (const name of await namesIn(client, TABLES)) {
    const rights = name === 'migrations' ? 'SELECT' : 'SELECT, INSERT, UPDATE, DELETE';
    await client.query(`GRANT ${rights} ON ${escapeIdentifier(name)} TO ${ROLE}`);
  }
}

const TRIES = 5;

/**
 * Makes the role that owns nothing and lets this login act as it; does nothing when it may already. Roles belong to the
 * whole server, so receivers of other databases may be doing the same.
 * @throws UserError `store_unreadable` when the login may not make roles; the message says what to ask for.
 */
export async function ensureRole(client: ClientBase): Promise<void> {
  for (let attempt = 1; !(await mayAct(client)); attempt += 1) {
    try {
      await client.query(`DO $$ BEGIN
        IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '${ROLE}') THEN
          CREATE ROLE ${ROLE} NOLOGIN NOSUPERUSER NOBYPASSRLS;
        END IF;
      END $$`);
      await client.query(`GRANT ${ROLE} TO CURRENT_USER`);
    } catch (error) {
      if (sqlState(error) === '42501') throw needsRole(error);
      if (sqlState(error) === '' || attempt === TRIES) throw error;
    }
  }
}

async function mayAct(client: ClientBase): Promise<boolean> {
  try {
    await client.query(`SET ROLE ${ROLE}`);
    await client.query('RESET ROLE');
    return true;
  } catch (error) {
    if (sqlState(error) === '') throw error;
    return false;
  }
}

function needsRole(error: unknown): UserError {
  const how = `CREATE ROLE ${ROLE} NOLOGIN; GRANT ${ROLE} TO the login of the receiver`;
  return new UserError(
    'store_unreadable',
    `the login may not make the role that keeps teams apart (${messageOf(error)}); an administrator of the database has to run: ${how}`,
    { remedy: null, cause: error },
  );
}
