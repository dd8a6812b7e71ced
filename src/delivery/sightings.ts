import type { Db, Millis } from '../base/index.ts';
import type { Health } from '../wire/index.ts';

/** What a receiver said of itself from a moment on. */
export interface Sighting {
  readonly instanceId: string | null;
  readonly deploymentId: string | null;
  readonly environmentName: string | null;
  readonly gitSha: string | null;
  readonly seenAt: Millis;
}

interface SightingRow {
  readonly instance_id: string | null;
  readonly deployment_id: string | null;
  readonly environment_name: string | null;
  readonly git_sha: string | null;
  readonly seen_at: number;
}

const KEPT = 100;

const LIST = `
  SELECT instance_id, deployment_id, environment_name, git_sha, seen_at FROM target_sightings
  WHERE target_id = :targetId ORDER BY sighting_id DESC LIMIT ${KEPT}`;
const SEE = `
  INSERT INTO target_sightings (target_id, instance_id, deployment_id, environment_name, git_sha, seen_at)
  SELECT :targetId, :instanceId, :deploymentId, :environmentName, :gitSha, :now
  WHERE NOT EXISTS (
    SELECT 1 FROM (SELECT * FROM target_sightings WHERE target_id = :targetId ORDER BY sighting_id DESC LIMIT 1)
    WHERE instance_id IS :instanceId AND deployment_id IS :deploymentId
      AND environment_name IS :environmentName AND git_sha IS :gitSha)`;
const PRUNE = `
  DELETE FROM target_sightings WHERE target_id = :targetId AND sighting_id <= (
    SELECT sighting_id FROM target_sightings WHERE target_id = :targetId
    ORDER BY sighting_id DESC LIMIT 1 OFFSET ${KEPT})`;

/** Writes down what a receiver says of itself, when it is something else than the time before. */
export function noteSighting(db: Db, targetId: number, health: Health, now: Millis): void {
  const { serverInstanceId, deploymentId, environmentName, gitSha } = health;
  const said = { instanceId: serverInstanceId, deploymentId, environmentName, gitSha };
  if (db.run(SEE, { targetId, ...said, now }).changes > 0) db.run(PRUNE, { targetId });
}

/** Whom a target was seen to be, newest first; a change of deployment, environment or commit alone is one, too. */
export function listSightings(db: Db, targetId: number): readonly Sighting[] {
  return db.all<SightingRow>(LIST, { targetId }).map((row) => ({
    instanceId: row.instance_id,
    deploymentId: row.deployment_id,
    environmentName: row.environment_name,
    gitSha: row.git_sha,
    seenAt: row.seen_at,
  }));
}

/** Whether an instance answered before, then another one: replicas that take turns, each with data of its own. */
export function isBack(sightings: readonly Sighting[], instanceId: string): boolean {
  const other = sightings.findIndex((each) => each.instanceId !== instanceId);
  return other !== -1 && sightings.slice(other).some((each) => each.instanceId === instanceId);
}
