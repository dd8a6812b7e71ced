import type { CommandSpec, OptionSpec } from '../spec.ts';
import { ALLOW_HTTP } from './options.ts';

const TARGET: OptionSpec = {
  flags: '--target <target>',
  what: 'id or URL of a target of this project',
};
const FROM: OptionSpec = {
  flags: '--from <when>',
  what: '`now` leaves out what is retained so far, `start` includes it again',
};
const EVENT_FILTERS: readonly OptionSpec[] = [
  { flags: '--mission <slug>', what: 'of this mission' },
  { flags: '--type <type>', what: 'of this event type' },
  { flags: '--since <time>', what: 'recorded from this date or time on' },
  { flags: '--until <time>', what: 'recorded before it' },
];
const PARKED_FILTERS: readonly OptionSpec[] = [
  TARGET,
  { flags: '--code <code>', what: 'parked for this reason, for example schema_invalid' },
  { flags: '--mission <slug>', what: 'of this mission' },
];
const CONFIRMED: readonly OptionSpec[] = [
  { flags: '--yes', what: 'do it without asking' },
  { flags: '--dry-run', what: 'only say what would be done' },
];
const WAITING: OptionSpec = {
  flags: '--waiting',
  what: 'not what is parked, but what was answered and still waits after a day',
};
const EVERY_PARKED: OptionSpec = { flags: '--all', what: 'every parked event' };

/** What leaves this project, and what became of it. */
export const SYNC_COMMANDS: readonly CommandSpec[] = [
  {
    path: ['sync', 'import'],
    what: 'record the new lines of kitty-specs',
    options: [
      { flags: '--mission <slug>', what: 'only this mission', repeatable: true },
      { flags: '--since <iso>', what: 'only lines that happened from this time on' },
      { flags: '--dry-run', what: 'say what would be recorded' },
    ],
    examples: ['spec-kitty sync import --mission 001-tide-clock --since 2026-09-01'],
    load: () => import('../commands/sync-import.ts'),
  },
  {
    path: ['sync', 'migrate'],
    what: 'take in what the Python command line left in its databases',
    options: [
      { flags: '--dry-run', what: 'say what would be taken in' },
      {
        flags: '--source <file>',
        what: 'a database, or another home, to read too',
        repeatable: true,
      },
      {
        flags: '--resolve <keep>',
        what: '`keep-journal` or `keep-source`: decide events with two contents',
      },
      { flags: '--assign <project>', what: 'give events that name no project to this one (UUID)' },
      { flags: '--event <id>', what: 'the event to decide or to give', repeatable: true },
      { flags: '--all', what: 'every event to decide or to give' },
      {
        flags: '--archive-sources',
        what: 'rename databases whose every row was taken in; a damaged one when --source names it',
      },
    ],
    examples: [
      'spec-kitty sync migrate --dry-run',
      'spec-kitty sync migrate --resolve keep-journal --all',
      'spec-kitty sync migrate --assign 3f2b8c64-9d0e-4a51-8c77-2b1f6e5d4c3a --all',
    ],
    load: () => import('../commands/sync-migrate.ts'),
  },
  {
    path: ['sync', 'now'],
    what: 'record new lines and changed artifacts, then deliver what the target lacks',
    options: [
      TARGET,
      { flags: '--all', what: 'every target of this project' },
      { flags: '--no-import', what: 'deliver only' },
      { flags: '--no-strict', what: 'exit 0 even when something was refused or waits' },
      { flags: '--verbose', what: 'name every artifact' },
      { flags: '--report <file>', what: 'write the result as JSON' },
    ],
    startsDaemon: true,
    load: () => import('../commands/sync-now.ts'),
  },
  {
    path: ['sync', 'bodies'],
    what: 'index the artifacts of missions, keep their texts, and deliver',
    options: [
      { flags: '--mission <slug>', what: 'only this mission', repeatable: true },
      { flags: '--all', what: 'ask the target again for every text, or those of --mission' },
      { flags: '--dry-run', what: 'say what would be kept' },
      TARGET,
      { flags: '--no-strict', what: 'exit 0 even when something was refused or waits' },
      { flags: '--verbose', what: 'name every artifact' },
    ],
    examples: ['spec-kitty sync bodies --mission 001-tide-clock --dry-run'],
    load: () => import('../commands/sync-bodies.ts'),
  },
  {
    path: ['sync', 'status'],
    what: 'what is retained, what was delivered where, and what waits for what',
    options: [
      {
        flags: '--check',
        what: 'count every delivery; exit 1 when something waits, 2 when the boundary refuses, 3 when the books do not balance',
      },
      { flags: '--here', what: 'leave out the other projects of this home' },
    ],
    load: () => import('../commands/sync-status.ts'),
  },
  {
    path: ['sync', 'server'],
    what: 'show or set the Teamspace server',
    args: [{ name: '[url]', what: 'https://… (http for this machine)' }],
    options: [FROM, ALLOW_HTTP],
    examples: ['spec-kitty sync server https://kitty.example'],
    load: () => import('../commands/sync-server.ts'),
  },
  {
    path: ['sync', 'mode'],
    what: 'show or set where events go',
    args: [{ name: '[mode]', what: 'TEAMSPACE, EXTERNAL_RECEIVER, LOCAL_RETENTION or OPT_OUT' }],
    options: [
      { flags: '--endpoint <url>', what: 'the receiver: https://…, or stub:FILE' },
      {
        flags: '--header-env <name=variable>',
        what: 'send this header from that variable',
        repeatable: true,
      },
      { flags: '--no-headers', what: 'forget the headers configured for this receiver' },
      FROM,
      ALLOW_HTTP,
    ],
    examples: [
      'spec-kitty sync mode EXTERNAL_RECEIVER --endpoint http://127.0.0.1:8765',
      'spec-kitty sync mode EXTERNAL_RECEIVER --endpoint stub:events.ndjson',
      'spec-kitty sync mode LOCAL_RETENTION',
      'spec-kitty sync mode OPT_OUT',
    ],
    load: () => import('../commands/sync-mode.ts'),
  },
  {
    path: ['sync', 'diagnose'],
    what: 'judge what waits to be sent, without the network',
    load: () => import('../commands/sync-diagnose.ts'),
  },
  {
    path: ['sync', 'audit', 'list'],
    what: 'events that the mode OPT_OUT dropped on record',
    load: () => import('../commands/sync-audit-list.ts'),
  },
  {
    path: ['sync', 'audit', 'export'],
    what: 'the same as JSON lines, one an event',
    load: () => import('../commands/sync-audit-export.ts'),
  },
  {
    path: ['sync', 'opt-in'],
    what: 'permit sending this project and checkout to its target',
    options: [TARGET, FROM, ALLOW_HTTP],
    startsDaemon: true,
    load: () => import('../commands/sync-opt-in.ts'),
  },
  {
    path: ['sync', 'opt-out'],
    what: 'withdraw the permission to send; nothing is deleted',
    options: [TARGET],
    load: () => import('../commands/sync-opt-out.ts'),
  },
  {
    path: ['sync', 'targets'],
    what: 'list the targets of this project',
    load: () => import('../commands/sync-targets.ts'),
  },
  {
    path: ['sync', 'targets', 'accept'],
    what: 'go on with a receiver that is another instance than before',
    args: [{ name: '<target>', what: 'id or URL' }],
    load: () => import('../commands/sync-targets-accept.ts'),
  },
  {
    path: ['sync', 'targets', 'retire'],
    what: 'wait for a target no longer, and say what gc may drop then',
    args: [{ name: '<target>', what: 'id or URL' }],
    load: () => import('../commands/sync-targets-retire.ts'),
  },
  {
    path: ['sync', 'log'],
    what: 'what was recorded, newest first, and what became of it',
    options: [
      ...EVENT_FILTERS,
      TARGET,
      {
        flags: '--state <state>',
        what: 'queued, delivered, parked, superseded, withheld or unopened',
      },
      { flags: '--limit <number>', what: 'default 50' },
      { flags: '--before <cursor>', what: 'older than this, as the page before printed it' },
    ],
    examples: ['spec-kitty sync log --state parked --limit 20'],
    load: () => import('../commands/sync-log.ts'),
  },
  {
    path: ['sync', 'show'],
    what: 'one event with its bytes and its history at every target',
    args: [{ name: '<event>', what: 'event id' }],
    load: () => import('../commands/sync-show.ts'),
  },
  {
    path: ['sync', 'tail'],
    what: 'what was recorded behind a cursor, oldest first, and where to go on',
    options: [
      { flags: '--since <cursor>', what: 'as printed before; 0, the default, is the beginning' },
      { flags: '--limit <number>', what: 'default 100' },
      { flags: '--wait <seconds>', what: 'wait that long for something new' },
    ],
    examples: ['spec-kitty sync tail --since 0 --wait 30 --json'],
    load: () => import('../commands/sync-tail.ts'),
  },
  {
    path: ['sync', 'replay'],
    what: 'send a target once more what it was sent',
    options: [
      TARGET,
      ...EVENT_FILTERS,
      { flags: '--redeliver', what: 'forget what it has and begin again' },
      { flags: '--dry-run', what: 'say what would be sent' },
    ],
    examples: ['spec-kitty sync replay --target http://127.0.0.1:8765 --dry-run'],
    load: () => import('../commands/sync-replay.ts'),
  },
  {
    path: ['sync', 'parked', 'list'],
    what: 'what a receiver refused for good, with its reasons',
    options: [...PARKED_FILTERS, WAITING],
    load: () => import('../commands/sync-parked-list.ts'),
  },
  {
    path: ['sync', 'parked', 'show'],
    what: 'one parked event with every try',
    args: [{ name: '<event>', what: 'event id' }],
    load: () => import('../commands/sync-parked-show.ts'),
  },
  {
    path: ['sync', 'parked', 'retry'],
    what: 'queue parked events again',
    args: [{ name: '[event...]', what: 'event ids' }],
    options: [...PARKED_FILTERS, EVERY_PARKED],
    load: () => import('../commands/sync-parked-retry.ts'),
  },
  {
    path: ['sync', 'parked', 'drop'],
    what: 'give up on parked events at their targets; the journal keeps them',
    args: [{ name: '[event...]', what: 'event ids' }],
    options: [...PARKED_FILTERS, EVERY_PARKED, WAITING, ...CONFIRMED],
    examples: ['spec-kitty sync parked drop --waiting --code index_entry_not_found --yes'],
    load: () => import('../commands/sync-parked-drop.ts'),
  },
  {
    path: ['sync', 'gc'],
    what: 'drop payloads that every registered target has; ids, hashes and history stay',
    options: CONFIRMED,
    load: () => import('../commands/sync-gc.ts'),
  },
  {
    path: ['sync', 'archive'],
    what: 'move payloads that no target waits for into a file',
    options: [
      ...CONFIRMED,
      { flags: '--to <file>', what: 'where it is written (default: archives/ in the home)' },
    ],
    load: () => import('../commands/sync-archive.ts'),
  },
  {
    path: ['sync', 'verify'],
    what: 'read and check everything that is stored of this project',
    options: [
      { flags: '--repair', what: 'mend what can be mended, after copying it' },
      {
        flags: '--target <target>',
        what: 'ask it what it has, and compare with what it confirmed',
      },
    ],
    load: () => import('../commands/sync-verify.ts'),
  },
  {
    path: ['sync', 'archive', 'verify'],
    what: 'read an archive to its end and check every payload',
    args: [{ name: '<file>', what: 'an archive' }],
    load: () => import('../commands/sync-archive-verify.ts'),
  },
  {
    path: ['sync', 'archive', 'restore'],
    what: 'put the payloads of an archive back',
    args: [{ name: '<file>', what: 'an archive' }],
    load: () => import('../commands/sync-archive-restore.ts'),
  },
];
