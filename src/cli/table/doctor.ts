import type { CommandSpec, OptionSpec } from '../spec.ts';

const SELF_TEST: readonly OptionSpec[] = [
  {
    flags: '--self-test',
    what: 'inflict every known fault on homes of its own, and type what is printed',
  },
  {
    flags: '--fault <check>',
    what: 'with --self-test: only what this check is for',
    repeatable: true,
  },
];

/** What is wrong on this machine, and how it is mended. */
export const DOCTOR_COMMANDS: readonly CommandSpec[] = [
  {
    path: ['doctor'],
    what: 'the same as sync doctor',
    options: SELF_TEST,
    examples: ['spec-kitty doctor --self-test'],
    load: () => import('../commands/sync-doctor.ts'),
  },
  {
    path: ['sync', 'doctor'],
    what: 'every check with its remedy, and what the server says; mends nothing itself',
    options: SELF_TEST,
    load: () => import('../commands/sync-doctor.ts'),
  },
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
