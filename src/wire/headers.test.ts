import { expect, it } from 'vitest';
import { ENCODINGS, HEADERS, PATHS } from './headers.ts';

it('spells the paths as the clients of every generation call them', () => {
  expect(PATHS).toEqual({
    events: '/api/v1/events/batch/',
    eventList: '/api/v1/events/',
    health: '/api/v1/sync/health/',
    bodies: '/api/dossier/push-content/',
    namespaceList: '/api/v1/namespaces/',
    artifactList: '/api/v1/artifacts/',
    bodyList: '/api/v1/bodies/',
    snapshots: '/api/v1/connectors/trackers/snapshots/',
    token: '/api/v1/token/',
    tokenRefresh: '/api/v1/token/refresh/',
    me: '/api/v1/me',
    oauthDevice: '/oauth/device',
    oauthToken: '/oauth/token',
    oauthRevoke: '/oauth/revoke',
    sessionStatus: '/api/v1/session-status',
  });
});

it('names headers as Node reports them', () => {
  for (const name of Object.values(HEADERS)) expect(name).toBe(name.toLowerCase());
  expect(ENCODINGS).toEqual(['identity', 'gzip', 'br']);
});
