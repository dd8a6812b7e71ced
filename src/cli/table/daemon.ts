import type { CommandSpec } from '../spec.ts';

/** Who delivers in the background of this home. */
export const DAEMON_COMMANDS: readonly CommandSpec[] = [
  {
    path: ['daemon', 'stop'],
    what: 'ask the daemon to end, and wait until it has',
    load: () => import('../commands/daemon-stop.ts'),
  },
];
