import type { CommandSpec } from '../spec.ts';

/** Who delivers in the background of this home. */
export const DAEMON_COMMANDS: readonly CommandSpec[] = [
  {
    path: ['daemon', 'start'],
    what: 'deliver in the background from now on',
    load: () => import('../commands/daemon-start.ts'),
  },
  {
    path: ['daemon', 'stop'],
    what: 'ask the daemon to end, and wait until it has',
    load: () => import('../commands/daemon-stop.ts'),
  },
  {
    path: ['daemon', 'status'],
    what: 'whether one runs, since when, and as whom; exit 1 when none does',
    load: () => import('../commands/daemon-status.ts'),
  },
  {
    path: ['daemon', 'run'],
    what: 'the daemon itself, in the foreground, for a service manager',
    load: () => import('../commands/daemon-run.ts'),
  },
  {
    path: ['daemon', 'install'],
    what: 'write a systemd user unit or a launchd agent that keeps the daemon running',
    options: [{ flags: '--dry-run', what: 'only show it' }],
    examples: ['spec-kitty daemon install --dry-run'],
    load: () => import('../commands/daemon-install.ts'),
  },
  {
    path: ['daemon', 'logs'],
    what: 'what the daemon wrote down last',
    options: [{ flags: '--lines <number>', what: 'default 50' }],
    examples: ['spec-kitty daemon logs --lines 50'],
    load: () => import('../commands/daemon-logs.ts'),
  },
];
