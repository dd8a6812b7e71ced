import { expect, it } from 'vitest';
import { RESOURCE_ROUTING_MAP, resolveResourceRouting } from './routing.ts';

it('routes by the strings that receivers compare', () => {
  expect(RESOURCE_ROUTING_MAP).toEqual({
    jira: { type: 'jira_project', key: 'project_key' },
    linear: { type: 'linear_team', key: 'team_id' },
  });
});

it.each([
  ['jira', { project_key: 'ACME' }, { type: 'jira_project', id: 'ACME' }],
  ['jira', { project_key: '  ACME\t' }, { type: 'jira_project', id: 'ACME' }],
  ['jira', { project_key: 10, team_id: 'x' }, { type: 'jira_project', id: '10' }],
  ['jira', { project_key: false }, { type: 'jira_project', id: 'False' }],
  ['linear', { team_id: 'abc-123' }, { type: 'linear_team', id: 'abc-123' }],
])('%s with %o is routed by both fields', (provider, credentials, resource) => {
  expect(resolveResourceRouting(provider, credentials)).toEqual(resource);
});

it.each([
  ['jira', {}],
  ['jira', { project_key: '' }],
  ['jira', { project_key: ' \n' }],
  ['jira', { project_key: null }],
  ['jira', { project_key: ['ACME'] }],
  ['jira', { team_id: 'abc' }],
  ['linear', { team_id: '' }],
  ['linear', { project_key: 'ACME' }],
  ['github', { project_key: 'ACME', team_id: 'abc' }],
  ['toString', { project_key: 'ACME' }],
  ['jira', Object.create({ project_key: 'inherited' }) as Record<string, unknown>],
])('%s with %o is routed by neither', (provider, credentials) => {
  expect(resolveResourceRouting(provider, credentials)).toBeNull();
});
