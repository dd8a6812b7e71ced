import { expect, it } from 'vitest';
import { trackerScope } from './takeover.ts';

const JIRA = { provider: 'jira', workspace: 'acme.atlassian.net' };

it.each([
  [JIRA, { base_url: 'https://acme.atlassian.net', email: 'bot@acme.io' }, '286fb218b6e62844'],
  [JIRA, { base_url: ' HTTPS://acme.atlassian.net/', email: 'Bot@acme.io' }, '7435f003de2a7d03'],
  [{ provider: 'linear', workspace: 'acme-engineering' }, {}, '820ea66dcf65a572'],
  [
    JIRA,
    {
      server_url: 'https://acme.atlassian.net',
      username: 'bot@acme.io',
      email: 'x',
      base_url: 'y',
    },
    '286fb218b6e62844',
  ],
])('the earlier program kept %o with %o under %s', (account, credentials, scope) => {
  expect(trackerScope(account, credentials)).toBe(scope);
});
