import { EXIT, pythonLower, pythonStrip, UserError } from '../base/index.ts';

/** The trackers that a project can be bound to, under their names on the wire. */
export const PROVIDERS = [
  'jira',
  'linear',
  'azure_devops',
  'github',
  'gitlab',
  'beads',
  'fp',
] as const;

export type Provider = (typeof PROVIDERS)[number];

/** Who decides when tracker and project disagree. */
export const DOCTRINE_MODES = [
  'external_authoritative',
  'spec_kitty_authoritative',
  'split_ownership',
] as const;

export type DoctrineMode = (typeof DOCTRINE_MODES)[number];

const ALIASES: Readonly<Record<string, string>> = {
  'azure-devops': 'azure_devops',
  azure: 'azure_devops',
};

/** A name in the spelling of the wire, whether or not it is a tracker we know. */
export function normaliseProvider(name: string): string {
  const plain = pythonLower(pythonStrip(name));
  return ALIASES[plain] ?? plain;
}

/** The tracker that a name in any spelling means. @throws UserError `usage`. */
export function parseProvider(name: string): Provider {
  const normal = normaliseProvider(name);
  const found = PROVIDERS.find((each) => each === normal);
  if (found !== undefined) return found;
  throw new UserError('usage', `no tracker is called ${normal}`, {
    remedy: 'spec-kitty tracker providers',
    exitCode: EXIT.refused,
  });
}

/** @throws UserError `usage`. */
export function parseDoctrineMode(text: string): DoctrineMode {
  const found = DOCTRINE_MODES.find((each) => each === text.trim());
  if (found !== undefined) return found;
  throw new UserError('usage', `a doctrine mode is one of ${DOCTRINE_MODES.join(', ')}`, {
    remedy: 'spec-kitty tracker bind --help',
    exitCode: EXIT.refused,
  });
}
