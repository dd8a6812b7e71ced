import type { Millis } from '../../base/index.ts';
import type { Sql } from '../store/driver.ts';
import type { TeamScope } from '../store/team-scope.ts';

/** A project as a team has it. */
export interface Project {
  readonly id: string;
  readonly claimedBy: string;
  readonly claimedAt: Millis;
}

const CLAIM = `
  INSERT INTO projects (team_id, project_id, claimed_by, claimed_at) VALUES ($1, $2, $3, $4)
  ON CONFLICT (team_id, project_id) DO NOTHING`;
const OF_TEAM = `
  SELECT project_id, claimed_by, claimed_at FROM projects WHERE team_id = $1 ORDER BY project_id`;

/** Makes projects the team's: the first to send one says whose it is. The caller holds the transaction. */
export async function claimProjects(
  sql: Sql,
  team: TeamScope,
  ids: ReadonlySet<string>,
  by: { readonly actor: string; readonly now: Millis },
): Promise<void> {
  await sql.each(
    CLAIM,
    [...ids].sort().map((id) => [team, id, by.actor, by.now]),
  );
}

/** The projects of a team. */
export async function projectsOf(sql: Sql, team: TeamScope): Promise<readonly Project[]> {
  type Row = {
    readonly project_id: string;
    readonly claimed_by: string;
    readonly claimed_at: number;
  };
  const rows = await sql.all<Row>(OF_TEAM, [team]);
  return rows.map((row) => ({
    id: row.project_id,
    claimedBy: row.claimed_by,
    claimedAt: row.claimed_at,
  }));
}
