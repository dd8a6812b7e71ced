import type { Home } from '../home/index.ts';

/** Settings that may come from an environment and concern the machine, not one shell. */
const PASSED_ON = [
  'SPEC_KITTY_ENABLE_SAAS_SYNC',
  'SPEC_KITTY_SYNC_ARTIFACTS',
  'NODE_EXTRA_CA_CERTS',
  'HOME',
  'LOGNAME',
  'USER',
  'LOCALAPPDATA',
  'SYSTEMROOT',
] as const;

/**
 * All the environment a daemon is given, decided when it is started or installed: the home as an absolute path, the
 * rollout flag, whether artifacts are kept, whom this machine trusts. Never the server override of one shell, never a
 * variable that holds the value of a header: a route that needs one says so.
 */
export function daemonSettings({
  system,
  paths,
}: Pick<Home, 'system' | 'paths'>): Readonly<Record<string, string>> {
  const settings: Record<string, string> = { SPEC_KITTY_HOME: paths.root };
  for (const name of PASSED_ON) {
    const value = system.env[name];
    if (value !== undefined && value !== '') settings[name] = value;
  }
  return settings;
}
