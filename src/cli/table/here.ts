import type { CommandSpec } from '../spec.ts';
import { ALLOW_HTTP } from './options.ts';

/** Commands that stand alone. */
export const HERE_COMMANDS: readonly CommandSpec[] = [
  {
    path: ['init'],
    what: 'give this repository its identity (.kittify/config.yaml)',
    load: () => import('../commands/init.ts'),
  },
  {
    path: ['up'],
    what: 'go from a clone to a delivery that was shown to arrive',
    options: [
      {
        flags: '--receiver <address>',
        what: 'where to send; `local`: a receiver of this home, started when it is needed',
      },
      { flags: '--yes', what: 'permit it without asking' },
      ALLOW_HTTP,
    ],
    examples: ['spec-kitty up --yes --receiver local', 'spec-kitty up'],
    load: () => import('../commands/up.ts'),
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
