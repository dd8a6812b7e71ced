/** Paths of the protocol below a receiver's base URL. Trailing slashes count (wire contract 0.1). */
export const PATHS = {
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
  sessionStatus: '/api/v1/session-status',
  oauthDevice: '/oauth/device',
  oauthToken: '/oauth/token',
  oauthRevoke: '/oauth/revoke',
} as const;

/** Header names in the lower case in which Node reports them. */
export const HEADERS = {
  authorization: 'authorization',
  contentType: 'content-type',
  contentEncoding: 'content-encoding',
  retryAfter: 'retry-after',
  idempotencyKey: 'idempotency-key',
  /** Lower-case hexadecimal SHA-256 of the request's body. */
  contentSha256: 'x-content-sha256',
  /** What one request is called in logs on both sides. */
  requestId: 'x-request-id',
} as const;

export const JSON_MEDIA_TYPE = 'application/json';

/** What the OAuth addresses take. */
export const FORM_MEDIA_TYPE = 'application/x-www-form-urlencoded';

/** How a batch body may be compressed; `br` only where the receiver's capabilities name it. */
export const ENCODINGS = ['identity', 'gzip', 'br'] as const;

export type Encoding = (typeof ENCODINGS)[number];
