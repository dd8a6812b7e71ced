import type { CommandSpec, OptionSpec } from '../spec.ts';

const MISSION: OptionSpec = {
  flags: '--mission <slug>',
  what: 'which mission (default: the one of this directory, or the only one)',
};

/** What the prompts of agents call while a mission is planned. */
export const AGENT_COMMANDS: readonly CommandSpec[] = [
  {
    path: ['agent', 'mission', 'setup-plan'],
    what: 'give a mission its plan.md, and record what it says by now',
    options: [MISSION],
    examples: ['spec-kitty agent mission setup-plan --mission 001-tide-clock --json'],
    load: () => import('../commands/agent-mission-setup-plan.ts'),
  },
  {
    path: ['agent', 'mission', 'finalize-tasks'],
    what: 'record the work packages of a mission, and what else it says by now',
    options: [
      MISSION,
      { flags: '--validate-only', what: 'judge the files of the work packages, record nothing' },
    ],
    examples: ['spec-kitty agent mission finalize-tasks --mission 001-tide-clock --json'],
    load: () => import('../commands/agent-mission-finalize-tasks.ts'),
  },
];
