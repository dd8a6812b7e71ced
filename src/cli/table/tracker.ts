import type { CommandSpec } from '../spec.ts';

/** What a project is bound to elsewhere. */
export const TRACKER_COMMANDS: readonly CommandSpec[] = [
  {
    path: ['tracker', 'providers'],
    what: 'list the trackers that a project can be bound to',
    load: () => import('../commands/tracker-providers.ts'),
  },
  {
    path: ['tracker', 'bind'],
    what: 'bind this project to a tracker',
    options: [
      { flags: '--provider <name>', what: 'one of `tracker providers`' },
      { flags: '--workspace <name>', what: 'site, organization or owner in there' },
      {
        flags: '--doctrine-mode <mode>',
        what: 'external_authoritative (default), spec_kitty_authoritative or split_ownership',
      },
      { flags: '--field-owner <field=owner>', what: 'who decides about it', repeatable: true },
      {
        flags: '--credential <key=value>',
        what: 'what the tracker asks for and is no secret',
        repeatable: true,
      },
      {
        flags: '--credential-env <key=variable>',
        what: 'a secret in an environment variable',
        repeatable: true,
      },
      { flags: '--credential-stdin', what: 'read key=value lines from standard input' },
    ],
    examples: [
      'spec-kitty tracker bind --provider jira --workspace acme.atlassian.net --credential base_url=https://acme.atlassian.net --credential email=bot@acme.example --credential project_key=ACME --credential-stdin < secret',
      'spec-kitty tracker bind --provider linear --workspace acme --credential team_id=ENG --credential-env api_key=LINEAR_KEY',
    ],
    load: () => import('../commands/tracker-bind.ts'),
  },
  {
    path: ['tracker', 'unbind'],
    what: 'take the binding and its credentials away',
    load: () => import('../commands/tracker-unbind.ts'),
  },
  {
    path: ['tracker', 'status'],
    what: 'show what this project is bound to, and what of it is here',
    load: () => import('../commands/tracker-status.ts'),
  },
  {
    path: ['tracker', 'issue'],
    what: 'show one pulled issue, everything that the tracker said of it',
    args: [{ name: '<issue>', what: 'its key or id' }],
    load: () => import('../commands/tracker-issue.ts'),
  },
  {
    path: ['tracker', 'map', 'add'],
    what: 'say which issue a work package is',
    options: [
      { flags: '--wp-id <id>', what: 'the work package' },
      { flags: '--external-id <id>', what: 'the issue' },
      { flags: '--external-key <key>', what: 'what people call it' },
      { flags: '--external-url <url>', what: 'where people see it' },
    ],
    examples: ['spec-kitty tracker map add --wp-id WP01 --external-id 1001 --external-key ACME-1'],
    load: () => import('../commands/tracker-map-add.ts'),
  },
  {
    path: ['tracker', 'map', 'list'],
    what: 'list which issue each work package is',
    load: () => import('../commands/tracker-map-list.ts'),
  },
  {
    path: ['tracker', 'sync', 'pull'],
    what: 'take in the issues that changed in the tracker (jira, linear, github)',
    options: [{ flags: '--limit <number>', what: 'at most so many, 1 to 10000 (default 100)' }],
    examples: ['spec-kitty tracker sync pull --limit 1000'],
    load: () => import('../commands/tracker-sync-pull.ts'),
  },
  {
    path: ['tracker', 'sync', 'publish'],
    what: 'keep the state of the tracker as a snapshot and deliver it',
    options: [
      { flags: '--server-url <url>', what: 'a target of this project (env: SAAS_API_URL)' },
      { flags: '--target <target>', what: 'id or URL of a target of this project' },
      { flags: '--all', what: 'every target of this project' },
      { flags: '--auth-token-env <variable>', what: 'token in it (default: SAAS_AUTH_TOKEN)' },
      { flags: '--auth-token-stdin', what: 'read the token from standard input' },
      { flags: '--timeout-seconds <number>', what: 'for the request, 1 to 120 (default 10)' },
    ],
    examples: ['spec-kitty tracker sync publish --all'],
    load: () => import('../commands/tracker-sync-publish.ts'),
  },
];
