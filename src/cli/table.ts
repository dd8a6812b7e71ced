import type { CommandSpec } from './spec.ts';
import { AGENT_COMMANDS } from './table/agent.ts';
import { AUTH_COMMANDS } from './table/auth.ts';
import { DAEMON_COMMANDS } from './table/daemon.ts';
import { DOCTOR_COMMANDS } from './table/doctor.ts';
import { HERE_COMMANDS } from './table/here.ts';
import { PEOPLE_COMMANDS } from './table/people.ts';
import { RECEIVER_COMMANDS } from './table/receiver.ts';
import { SYNC_COMMANDS } from './table/sync.ts';
import { TRACKER_COMMANDS } from './table/tracker.ts';

/** Every command there is. Help, parsing and the test that walks all printed remedies read this table. */
export const COMMANDS: readonly CommandSpec[] = [
  ...HERE_COMMANDS,
  ...AGENT_COMMANDS,
  ...AUTH_COMMANDS,
  ...SYNC_COMMANDS,
  ...DAEMON_COMMANDS,
  ...TRACKER_COMMANDS,
  ...DOCTOR_COMMANDS,
  ...RECEIVER_COMMANDS,
  ...PEOPLE_COMMANDS,
];

/** The command whose path is the longest beginning of `argv`, or undefined. */
export function findCommand(argv: readonly string[]): CommandSpec | undefined {
  const matches = COMMANDS.filter((spec) => spec.path.every((word, index) => argv[index] === word));
  return matches.reduce<CommandSpec | undefined>(
    (best, spec) => (best === undefined || spec.path.length > best.path.length ? spec : best),
    undefined,
  );
}

/** The commands below a group such as `sync`; all of them for an empty group. */
export function commandsBelow(group: readonly string[]): readonly CommandSpec[] {
  return COMMANDS.filter((spec) => group.every((word, index) => spec.path[index] === word));
}
