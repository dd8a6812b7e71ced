import { pythonStrip } from '../base/index.ts';
import type { ExternalResource } from '../wire/index.ts';

/** Where a tracker's snapshots belong: the type a receiver files them under, and the credential that holds the id. */
export interface ResourceRoute {
  readonly type: string;
  readonly key: string;
}

/** Contract strings of the wire: receivers compare them. */
export const RESOURCE_ROUTING_MAP: Readonly<Record<string, ResourceRoute>> = {
  jira: { type: 'jira_project', key: 'project_key' },
  linear: { type: 'linear_team', key: 'team_id' },
};

/**
 * The resource a binding points at: both fields, or null for neither. Pure.
 * @param provider in the spelling of the wire; any other has no route.
 * @param credentials as they were read; a value that is missing, null or blank gives no route.
 */
export function resolveResourceRouting(
  provider: string,
  credentials: Readonly<Record<string, unknown>>,
): ExternalResource | null {
  const route = ownValue(RESOURCE_ROUTING_MAP, provider);
  if (route === undefined) return null;
  const id = textOf(ownValue(credentials, route.key));
  return id === '' ? null : { type: route.type, id };
}

/** A file may hold a number or a truth value where a text is meant; they are spelled as earlier clients did. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return pythonStrip(value);
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : '';
}

function ownValue<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
