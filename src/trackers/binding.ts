import type { System } from '../base/index.ts';
import { changeSection, readSection, type Project } from '../home/index.ts';
import { normaliseProvider } from './providers.ts';

/** What a project is bound to. It stands in the project's own configuration, which everybody shares. */
export interface Binding {
  /** In the spelling of the wire; a name that is written by hand may be none we know. */
  readonly provider: string;
  readonly workspace: string;
  readonly doctrineMode: string;
  /** Who decides about a field, under `split_ownership`. */
  readonly fieldOwners: Readonly<Record<string, string>>;
}

const SECTION = 'tracker';
const DEFAULT_MODE = 'external_authoritative';

/** The binding in force, or null. @throws UserError `config_corrupt`. */
export async function readBinding(system: System, project: Project): Promise<Binding | null> {
  const section = await readSection(system, project, SECTION);
  const provider = normaliseProvider(textOf(section?.['provider']));
  const workspace = textOf(section?.['workspace']);
  if (provider === '' || workspace === '') return null;
  const doctrine = recordOf(section?.['doctrine']);
  const owners = Object.entries(recordOf(doctrine['field_owners']));
  return {
    provider,
    workspace,
    doctrineMode: textOf(doctrine['mode']) || DEFAULT_MODE,
    fieldOwners: Object.fromEntries(owners.map(([field, owner]) => [field, textOf(owner)])),
  };
}

/** Binds the project. Keys of other programs stay. @throws UserError `config_corrupt`. */
export async function writeBinding(
  system: System,
  project: Project,
  binding: Binding,
): Promise<void> {
  const { provider, workspace, doctrineMode, fieldOwners } = binding;
  // Owners of before that are not named again must go.
  const doctrine = { mode: doctrineMode, field_owners: {} };
  await changeSection(system, project, SECTION, { provider, workspace, doctrine });
  if (Object.keys(fieldOwners).length === 0) return;
  await changeSection(system, project, SECTION, { doctrine: { field_owners: fieldOwners } });
}

/** Takes the binding away. @throws UserError `config_corrupt`. */
export function removeBinding(system: System, project: Project): Promise<void> {
  return changeSection(system, project, SECTION, null);
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value.trim();
  return typeof value === 'number' ? String(value) : '';
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isRecord ? (value as Readonly<Record<string, unknown>>) : {};
}
