import type { CommandSpec, OptionSpec } from '../spec.ts';
import { DB, TEAM } from './options.ts';

const URL: OptionSpec = {
  flags: '--url <url>',
  what: 'address of the receiver, for the link (default: http://127.0.0.1:8765)',
};

/** Who may use the receiver one runs oneself. */
export const PEOPLE_COMMANDS: readonly CommandSpec[] = [
  {
    path: ['receiver', 'user', 'add'],
    what: 'make an account, and the link by which its user chooses a password',
    args: [{ name: '<email>', what: 'the account' }],
    options: [DB, URL, { flags: '--name <name>', what: 'for people' }],
    examples: ['spec-kitty receiver user add ann@kitty.example --url https://kitty.example'],
    load: () => import('../commands/receiver-user-add.ts'),
  },
  {
    path: ['receiver', 'user', 'invite'],
    what: 'make another link to choose a password',
    args: [{ name: '<email>', what: 'the account' }],
    options: [DB, URL],
    load: () => import('../commands/receiver-user-invite.ts'),
  },
  {
    path: ['receiver', 'user', 'list'],
    what: 'list the accounts of a receiver',
    options: [DB],
    load: () => import('../commands/receiver-user-list.ts'),
  },
  {
    path: ['receiver', 'user', 'disable'],
    what: 'end an account and all its logins',
    args: [{ name: '<email>', what: 'the account' }],
    options: [DB],
    load: () => import('../commands/receiver-user-disable.ts'),
  },
  {
    path: ['receiver', 'user', 'enable'],
    what: 'let an account log in again',
    args: [{ name: '<email>', what: 'the account' }],
    options: [DB],
    load: () => import('../commands/receiver-user-enable.ts'),
  },
  {
    path: ['receiver', 'team', 'create'],
    what: 'make a shared team',
    args: [{ name: '<name>', what: '1 to 40 of a-z, 0-9 and hyphens' }],
    options: [DB, { flags: '--owner <email>', what: 'who owns it' }],
    examples: ['spec-kitty receiver team create harbour --owner ann@kitty.example'],
    load: () => import('../commands/receiver-team-create.ts'),
  },
  {
    path: ['receiver', 'team', 'list'],
    what: 'list the teams of a receiver and who is in them',
    options: [DB],
    load: () => import('../commands/receiver-team-list.ts'),
  },
  {
    path: ['receiver', 'team', 'add'],
    what: 'add a member to a shared team, or give one another role',
    args: [
      { name: '<team>', what: 'name or id' },
      { name: '<email>', what: 'the account' },
    ],
    options: [DB, { flags: '--role <role>', what: 'owner, admin, member (default) or read-only' }],
    examples: ['spec-kitty receiver team add harbour ben@kitty.example --role read-only'],
    load: () => import('../commands/receiver-team-add.ts'),
  },
  {
    path: ['receiver', 'team', 'remove'],
    what: 'remove a member from a shared team',
    args: [
      { name: '<team>', what: 'name or id' },
      { name: '<email>', what: 'the account' },
    ],
    options: [DB],
    load: () => import('../commands/receiver-team-remove.ts'),
  },
  {
    path: ['receiver', 'project', 'list'],
    what: 'list the projects of a team and who sent them first',
    options: [DB, TEAM],
    load: () => import('../commands/receiver-project-list.ts'),
  },
  {
    path: ['receiver', 'key', 'rotate'],
    what: 'sign access tokens with a new key',
    options: [DB],
    load: () => import('../commands/receiver-key-rotate.ts'),
  },
  {
    path: ['receiver', 'audit'],
    what: 'what was noted, and whether nobody changed it since',
    options: [DB, { flags: '--limit <number>', what: 'default 50' }],
    load: () => import('../commands/receiver-audit.ts'),
  },
];
