import type { CommandSpec } from '../spec.ts';

/** What is wrong on this machine, and how it is mended. */
export const DOCTOR_COMMANDS: readonly CommandSpec[] = [
  {
    path: ['doctor', 'orphan-daemons'],
    what: 'records that dead daemons of the Python command line left; removes nothing',
    load: () => import('../commands/doctor-orphan-daemons.ts'),
  },
  {
    path: ['doctor', 'restart-daemon'],
    what: 'end the daemon of this home, ours or the Python one, and start ours',
    load: () => import('../commands/doctor-restart-daemon.ts'),
  },
];
