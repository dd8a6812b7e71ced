import type { CommandSpec, OptionSpec } from '../spec.ts';
import { ALLOW_HTTP } from './options.ts';

const SERVER: OptionSpec = {
  flags: '--server <url>',
  what: 'the server it is about (default: the resolved one)',
};

/** Who one is at which server. */
export const AUTH_COMMANDS: readonly CommandSpec[] = [
  {
    path: ['auth', 'login'],
    what: 'log in at one server, by a code, a password or a machine token',
    options: [
      SERVER,
      { flags: '--headless', what: 'show a code that somebody confirms in a browser anywhere' },
      { flags: '--username <name>', what: 'log in by name and password' },
      { flags: '--password-stdin', what: 'read the password from standard input' },
      { flags: '--token-stdin', what: 'keep a machine token, read from standard input' },
      { flags: '--team <slug>', what: 'team of the token, where the server does not say' },
      { flags: '--claim', what: 'take over permissions given before anybody was logged in' },
      { flags: '--force', what: 'log in again over a login that stands' },
      ALLOW_HTTP,
    ],
    examples: [
      'spec-kitty auth login --server https://kitty.example --headless',
      'spec-kitty auth login --server https://kitty.example --token-stdin < token',
    ],
    load: () => import('../commands/auth-login.ts'),
  },
  {
    path: ['auth', 'logout'],
    what: 'end the login at one server and forget it here',
    options: [
      SERVER,
      { flags: '--force', what: 'forget it without asking the server to end it' },
      ALLOW_HTTP,
    ],
    load: () => import('../commands/auth-logout.ts'),
  },
  {
    path: ['auth', 'status'],
    what: 'who is logged in where, for how long, and where that is kept',
    options: [SERVER, ALLOW_HTTP],
    load: () => import('../commands/auth-status.ts'),
  },
  {
    path: ['auth', 'whoami'],
    what: 'the name of whoever is logged in; exit 1 when nobody is',
    options: [SERVER, ALLOW_HTTP],
    load: () => import('../commands/auth-whoami.ts'),
  },
];
