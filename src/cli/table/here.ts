import type { CommandSpec } from '../spec.ts';

/** Commands that stand alone. */
export const HERE_COMMANDS: readonly CommandSpec[] = [
  {
    path: ['init'],
    what: 'give this repository its identity (.kittify/config.yaml)',
    load: () => import('../commands/init.ts'),
  },
  {
    path: ['emit'],
    what: 'record one event, or envelopes as they are',
    args: [{ name: '[type]', what: 'event type, for example WPStatusChanged' }],
    options: [
      { flags: '--payload <json>', what: 'the payload: JSON, @file, or - for standard input' },
      {
        flags: '--envelope <file>',
        what: 'a file with one envelope or NDJSON, or - for standard input',
      },
      {
        flags: '--aggregate-id <id>',
        what: 'what the event is about (default: taken from the payload)',
      },
      {
        flags: '--aggregate-type <type>',
        what: 'WorkPackage, Mission, Build … (default: by event type)',
      },
      { flags: '--causation-id <id>', what: 'id of the event that caused this one' },
    ],
    examples: [
      'spec-kitty emit BuildHeartbeat --payload \'{"build_id":"ci-7"}\'',
      'spec-kitty emit --envelope events.ndjson',
    ],
    load: () => import('../commands/emit.ts'),
  },
];
