import type { CommandSpec } from '../spec.ts';
import { ALLOW_HTTP } from './options.ts';

/** Who one is at which server. */
export const AUTH_COMMANDS: readonly CommandSpec[] = [
  {
    path: ['auth', 'login'],
    what: 'keep a machine token for one server',
    options: [
      { flags: '--token-stdin', what: 'read the token from standard input' },
      { flags: '--server <url>', what: 'the server it belongs to (default: the resolved one)' },
      { flags: '--team <slug>', what: 'team of the token, where the server does not say' },
      { flags: '--claim', what: 'take over grants made before anybody was logged in' },
      ALLOW_HTTP,
    ],
    examples: ['spec-kitty auth login --server https://kitty.example --token-stdin < token'],
    load: () => import('../commands/auth-login.ts'),
  },
];
