import type { CommandSpec } from '../spec.ts';
import { DB, TEAM } from './options.ts';

/** The receiver one runs oneself. */
export const RECEIVER_COMMANDS: readonly CommandSpec[] = [
  {
    path: ['receiver', 'serve'],
    what: 'run a receiver of your own',
    options: [
      DB,
      { flags: '--port <number>', what: 'default 8765; 0 lets the system choose' },
      { flags: '--host <name>', what: 'default 127.0.0.1' },
      { flags: '--ready-file <file>', what: 'written when it listens: URL, process, instance' },
      { flags: '--until-removed', what: 'end when somebody removes the ready file' },
      { flags: '--strict', what: 'refuse what the catalogue does not know' },
      { flags: '--public-url <url>', what: 'the address people reach it by, behind a proxy' },
    ],
    examples: ['spec-kitty receiver serve --db receiver.db --port 8765'],
    load: () => import('../commands/receiver-serve.ts'),
  },
  {
    path: ['receiver', 'stop'],
    what: 'end the receiver that `spec-kitty up` started for this home',
    load: () => import('../commands/receiver-stop.ts'),
  },
  {
    path: ['receiver', 'token', 'create'],
    what: 'make a token for posting events',
    options: [
      DB,
      TEAM,
      { flags: '--project <uuid>', what: 'valid for this project', repeatable: true },
      { flags: '--all', what: 'valid for every project' },
      { flags: '--scope <scope>', what: 'ingest (default) or read' },
      { flags: '--expires-days <number>', what: 'worth nothing after that (default: never)' },
      { flags: '--name <name>', what: 'what it is for' },
    ],
    examples: ['spec-kitty receiver token create --all --name laptop'],
    load: () => import('../commands/receiver-token-create.ts'),
  },
  {
    path: ['receiver', 'token', 'list'],
    what: 'list the tokens of a receiver',
    options: [DB, TEAM],
    load: () => import('../commands/receiver-token-list.ts'),
  },
  {
    path: ['receiver', 'token', 'revoke'],
    what: 'make a token invalid',
    args: [{ name: '<id>', what: 'as listed' }],
    options: [DB],
    load: () => import('../commands/receiver-token-revoke.ts'),
  },
  {
    path: ['receiver', 'mapping', 'list'],
    what: 'list which project each resource of a tracker belongs to',
    options: [DB, TEAM],
    load: () => import('../commands/receiver-mapping-list.ts'),
  },
  {
    path: ['receiver', 'mapping', 'set'],
    what: 'say which project the snapshots of a resource belong to',
    args: [{ name: '<project>', what: 'its UUID' }],
    options: [
      DB,
      TEAM,
      { flags: '--provider <name>', what: 'the tracker, for example jira' },
      { flags: '--workspace <name>', what: 'as the snapshots name it' },
      { flags: '--resource-type <type>', what: 'jira_project or linear_team' },
      { flags: '--resource-id <id>', what: 'its id; without both, the rest of the workspace' },
    ],
    examples: [
      'spec-kitty receiver mapping set 3f2b8c64-9d0e-4a51-8c77-2b1f6e5d4c3a --provider jira --workspace acme.atlassian.net --resource-type jira_project --resource-id ACME',
    ],
    load: () => import('../commands/receiver-mapping-set.ts'),
  },
  {
    path: ['receiver', 'ls'],
    what: 'list the events a receiver holds',
    options: [
      DB,
      TEAM,
      { flags: '--project <uuid>', what: 'only this project' },
      { flags: '--after <cursor>', what: 'start behind this cursor' },
      { flags: '--limit <number>', what: 'default 100' },
    ],
    load: () => import('../commands/receiver-ls.ts'),
  },
  {
    path: ['receiver', 'show'],
    what: 'show one event a receiver holds',
    args: [{ name: '<event>', what: 'event id' }],
    options: [DB, TEAM, { flags: '--project <uuid>', what: 'where two projects hold the same id' }],
    load: () => import('../commands/receiver-show.ts'),
  },
  {
    path: ['receiver', 'artifacts'],
    what: 'list the artifacts of a project that a receiver knows, and whose texts it holds',
    args: [{ name: '<project>', what: 'its UUID' }],
    options: [DB, TEAM, { flags: '--mission <slug>', what: 'only this mission' }],
    load: () => import('../commands/receiver-artifacts.ts'),
  },
  {
    path: ['receiver', 'rebuild'],
    what: 'fold the views of the pages anew from all events',
    options: [DB],
    examples: ['spec-kitty receiver rebuild --db receiver.db'],
    load: () => import('../commands/receiver-rebuild.ts'),
  },
  {
    path: ['receiver', 'erase'],
    what: 'take stored events away for good; their ids and hashes stay, so that they do not come back',
    options: [
      DB,
      TEAM,
      { flags: '--event <id>', what: 'this event, and the text that it indexed' },
      { flags: '--project <uuid>', what: 'everything of this project' },
      { flags: '--before <day>', what: 'only events that arrived before, of one project or all' },
      { flags: '--yes', what: 'needed: it cannot be undone' },
    ],
    examples: ['spec-kitty receiver erase --before 2026-01-31 --yes'],
    load: () => import('../commands/receiver-erase.ts'),
  },
  {
    path: ['receiver', 'quota', 'set'],
    what: 'limit what a team may store',
    args: [{ name: '<bytes>', what: 'for example 500M or 10G; none for no limit' }],
    options: [DB, TEAM],
    load: () => import('../commands/receiver-quota-set.ts'),
  },
  {
    path: ['receiver', 'quota', 'list'],
    what: 'list the teams that have a limit, and how full they are',
    options: [DB],
    load: () => import('../commands/receiver-quota-list.ts'),
  },
  {
    path: ['receiver', 'migrate-store'],
    what: 'move everything a stopped receiver holds into another store, and compare the two',
    options: [
      { flags: '--from <store>', what: 'a file, or postgres://user@host/database' },
      { flags: '--to <store>', what: 'the same, and empty' },
    ],
    examples: [
      'spec-kitty receiver migrate-store --from receiver.db --to postgres://kitty@db.example/kitty',
    ],
    load: () => import('../commands/receiver-migrate-store.ts'),
  },
];
