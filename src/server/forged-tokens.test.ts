import {
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto';
import { expect, it } from 'vitest';
import {
  type LoginTrial,
  ORIGIN,
  PASSWORD,
  startLoginTrial,
} from '../../test/support/login-trial.ts';
import { createIds } from '../base/index.ts';
import { addUser, rotateSigningKey, setAccount } from './identity/administration.ts';
import { removeTeamMember } from './identity/membership.ts';
import { mintSecret } from './login/machine-tokens.ts';
import { currentKey } from './login/signing-keys.ts';
import { createToken, listTokens, revokeToken } from './operator.ts';
import { ROUTES, type RouteSpec } from './routes.ts';

const ANN = 'ann@kitty.example';
type Json = Readonly<Record<string, unknown>>;

function part(json: Json): string {
  return Buffer.from(JSON.stringify(json)).toString('base64url');
}

function signed(head: Json, claims: Json, key: KeyObject, hash: string | null = null): string {
  const text = `${part(head)}.${part(claims)}`;
  return `${text}.${sign(hash, Buffer.from(text), key).toString('base64url')}`;
}

function keyed(head: Json, claims: Json, secret: string | Buffer): string {
  const text = `${part(head)}.${part(claims)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

interface Real {
  readonly token: string;
  readonly head: Json;
  readonly claims: Json;
  readonly key: KeyObject;
}

/** What is right, to be wronged in one place each. */
async function realToken(trial: LoginTrial): Promise<Real> {
  const { access: token } = await trial.login(ANN);
  const [head = '', claims = ''] = token.split('.');
  const read = (text: string): Json =>
    JSON.parse(Buffer.from(text, 'base64url').toString()) as Json;
  const key = await trial.store.driver.tx((sql) => currentKey(trial.identity, sql));
  return { token, head: read(head), claims: read(claims), key: key.privateKey };
}

function forgedHeads({ head, claims, key, token }: Real): Readonly<Record<string, string>> {
  const ed = generateKeyPairSync('ed25519');
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const publicKey = createPublicKey(key);
  const pem = publicKey.export({ type: 'spki', format: 'pem' });
  const raw = String(publicKey.export({ format: 'jwk' }).x);
  const [, body = '', signature = ''] = token.split('.');
  const none = (alg: string): string => `${part({ ...head, alg })}.${body}.`;
  const own = (more: Json): string => signed({ ...head, ...more }, claims, ed.privateKey);
  const ours = (more: Json): string => signed({ ...head, ...more }, claims, key);
  return {
    'alg none': none('none'),
    'alg None': none('None'),
    'alg NONE': none('NONE'),
    'alg nOnE': none('nOnE'),
    'alg none with the signature': `${part({ ...head, alg: 'none' })}.${body}.${signature}`,
    'no alg': `${part({ kid: head['kid'], typ: head['typ'] })}.${body}.${signature}`,
    'HS256 of the public key as PEM': keyed({ ...head, alg: 'HS256' }, claims, pem),
    'HS256 of the public key as bytes': keyed(
      { ...head, alg: 'HS256' },
      claims,
      Buffer.from(raw, 'base64url'),
    ),
    'HS256 of the public key as text': keyed({ ...head, alg: 'HS256' }, claims, raw),
    'HS256 of nothing': keyed({ ...head, alg: 'HS256' }, claims, ''),
    'HS512 of the public key': keyed({ ...head, alg: 'HS512' }, claims, pem),
    'ES256 of another key': signed({ ...head, alg: 'ES256' }, claims, ec, 'sha256'),
    'RS256 of another key': signed({ ...head, alg: 'RS256' }, claims, rsa, 'sha256'),
    'EdDSA of another key': own({}),
    'another key in jwk': own({ jwk: ed.publicKey.export({ format: 'jwk' }) }),
    'another key behind jku': own({ jku: 'https://evil.example/keys.json' }),
    'another key behind x5u': own({ x5u: 'https://evil.example/chain.pem' }),
    'another key in x5c': own({ x5c: ['MIIB'] }),
    'another key by thumbprint': own({ x5t: 'abcd' }),
    'unknown crit': ours({ crit: ['exp'], exp: 1 }),
    'unencoded payload': ours({ crit: ['b64'], b64: false }),
    'no kid': ours({ kid: undefined }),
    'empty kid': ours({ kid: '' }),
    'kid of a path': ours({ kid: '../../../../dev/null' }),
    'kid of a URL': ours({ kid: 'https://evil.example/key' }),
    'kid of a statement': ours({ kid: "' OR '1'='1" }),
    'kid of a union': ours({ kid: "x' UNION SELECT key_id, private_key FROM signing_keys--" }),
    'kid with NUL': ours({ kid: `${String(head['kid'])}\0` }),
    'kid in the other case': ours({ kid: String(head['kid']).toLowerCase() }),
    'kid of a number': ours({ kid: 1 }),
    'kid of a list': ours({ kid: [head['kid']] }),
    'kid of an object': ours({ kid: { id: head['kid'] } }),
    'long kid': ours({ kid: 'k'.repeat(1_000) }),
    'no typ': ours({ typ: undefined }),
    'typ JWT': ours({ typ: 'JWT' }),
    'typ refresh': ours({ typ: 'rt+jwt' }),
  };
}

function forgedClaims({ head, claims, key }: Real): Readonly<Record<string, string>> {
  const now = Number(claims['iat']);
  const saying = (more: Json): string => signed(head, { ...claims, ...more }, key);
  return {
    expired: saying({ exp: now - 31 }),
    'no exp': saying({ exp: undefined }),
    'exp of a text': saying({ exp: String(now + 900) }),
    'not yet': saying({ nbf: now + 61 }),
    'no nbf': saying({ nbf: undefined }),
    'issued too long ago': saying({ iat: now - 1_000, exp: now + 900_000 }),
    'issued in the future': saying({ iat: now + 120 }),
    'no iat': saying({ iat: undefined }),
    'another issuer': saying({ iss: 'urn:uuid:00000000-0000-4000-8000-000000000000' }),
    'no issuer': saying({ iss: undefined }),
    'issuers in a list': saying({ iss: [claims['iss']] }),
    'another audience': saying({ aud: 'another-receiver' }),
    'no audience': saying({ aud: undefined }),
    'audiences without ours': saying({ aud: ['one', 'two'] }),
    'no subject': saying({ sub: undefined }),
    'another subject': saying({ sub: '01JM0000000000000000000000' }),
    'no login': saying({ sid: undefined }),
    'unknown login': saying({ sid: '01JM0000000000000000000000' }),
    'login of a statement': saying({ sid: "' OR 1=1 --" }),
    'login of a number': saying({ sid: 1 }),
    'no jti': saying({ jti: undefined }),
    'claims of a list': `${part(head)}.${Buffer.from('[]').toString('base64url')}.AAAA`,
  };
}

function damaged({ token }: Real): Readonly<Record<string, string>> {
  const [head = '', claims = '', signature = ''] = token.split('.');
  const flip = (text: string): string => text.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'));
  return {
    'no signature': `${head}.${claims}.`,
    'two parts': `${head}.${claims}`,
    'four parts': `${token}.${signature}`,
    'five parts': `${head}.AAAA.AAAA.AAAA.AAAA`,
    truncated: token.slice(0, -2),
    longer: `${token}AA`,
    'another signature': `${head}.${claims}.${flip(signature)}`,
    'other claims': `${head}.${flip(claims)}.${signature}`,
    'another head': `${flip(head)}.${claims}.${signature}`,
    padded: `${token}=`,
    'two tokens': `${token} ${token}`,
    'two headers': `${token}, Bearer ${token}`,
    huge: `${token}${'A'.repeat(10_000)}`,
    dots: '..',
    nothing: '',
    noise: 'x',
  };
}

/** Tokens that were right once, and secrets that are for something else. */
async function stale(trial: LoginTrial): Promise<Readonly<Record<string, string>>> {
  const { identity, clock, store } = trial;
  const { random } = identity;
  const expired = await trial.login(ANN);
  const retired = await trial.login(ANN);
  await rotateSigningKey(identity);
  const machine = {
    scope: 'read' as const,
    projects: 'all' as const,
    clock,
    ids: createIds(clock, random),
    random,
  };
  const ending = await createToken(store, { ...machine, name: 'ending', livesMs: 60_000 });
  clock.move(17 * 60_000);
  const loggedOut = await trial.login(ANN);
  await trial.form('/oauth/revoke', { token: loggedOut.refresh });
  await trial.person('gone@kitty.example', { harbour: 'member' });
  const removed = await trial.login('gone@kitty.example', 'harbour');
  await removeTeamMember(identity, { team: 'harbour', email: 'gone@kitty.example' });
  await trial.person('off@kitty.example');
  const disabled = await trial.login('off@kitty.example');
  await setAccount(identity, 'off@kitty.example', false);
  const elsewhere = await startLoginTrial();
  await elsewhere.person(ANN);
  const revoked = await createToken(store, { ...machine, name: 'revoked' });
  await revokeToken(store, revoked.id, clock);
  const device = await trial.form('/oauth/device', { client_id: 'cli_native' });
  const { cookie } = await trial.page('/login', { username: ANN, password: PASSWORD });
  const { code } = await addUser(identity, { email: 'new@kitty.example', name: null });
  const minted = mintSecret(random).text;
  return {
    'expired by itself': expired.access,
    'of a retired key': retired.access,
    'logged out': loggedOut.access,
    'of a removed member': removed.access,
    'of a disabled user': disabled.access,
    'of another receiver': (await elsewhere.login(ANN)).access,
    'a refresh token': expired.refresh,
    'a device code': String(device.json['device_code']),
    'a cookie': cookie.replace('receiver_session=', ''),
    'a link': code,
    'a machine token nobody made': minted,
    'a machine token with a wrong check': minted.replace(/.$/, (last) =>
      last === '0' ? '1' : '0',
    ),
    'an expired machine token': ending.secret,
    'a revoked machine token': revoked.secret,
    'a machine token’s prefix': (await listTokens(store))[0]?.prefix ?? '',
  };
}

function requestTo({ method, path }: RouteSpec, authorization: string | null): Request {
  const headers = {
    'content-type': path.startsWith('/api')
      ? 'application/json'
      : 'application/x-www-form-urlencoded',
    ...(authorization === null ? {} : { authorization }),
  };
  const url = `${ORIGIN}${path.replace(':id', '01JM0000000000000000000000').replace(':hash?', 'f'.repeat(64))}`;
  return new Request(url, method === 'GET' ? { headers } : { method, headers, body: '{}' });
}

it('refuses forged and stale tokens on every route with one answer, and says nothing', async () => {
  const trial = await startLoginTrial();
  await trial.person(ANN);
  const old = await stale(trial);
  const real = await realToken(trial);
  const tokens = { ...forgedHeads(real), ...forgedClaims(real), ...damaged(real), ...old };
  expect(Object.keys(tokens).length).toBeGreaterThanOrEqual(60);
  const paths = trial.app.routes.filter(({ method }) => method !== 'ALL').map((each) => each.path);
  const routes: readonly RouteSpec[] = Object.values(ROUTES);
  expect(routes.map((each) => each.path.replace(/\/$/, '')).sort()).toEqual(
    paths.map((each) => each.replace(/\/$/, '')).sort(),
  );
  const answerOf = async (route: RouteSpec, authorization: string | null): Promise<string> => {
    const response = await trial.app.fetch(requestTo(route, authorization));
    return `${response.status} ${response.headers.get('location') ?? ''} ${await response.text()}`;
  };
  const refusals = new Set<string>();
  let cells = 0;
  for (const route of routes) {
    const unasked = await answerOf(route, null);
    const looksAtHeader = !['open', 'page', 'browser'].includes(route.gate);
    for (const [name, token] of Object.entries(tokens)) {
      const answer = await answerOf(route, `Bearer ${token}`);
      cells += 1;
      if (looksAtHeader) refusals.add(answer);
      else expect([name, route.path, answer]).toEqual([name, route.path, unasked]);
    }
    if (route.gate !== 'open') {
      expect([route.path, (await answerOf(route, `Basic ${real.token}`)).slice(0, 3)]).toEqual([
        route.path,
        looksAtHeader ? '401' : '303',
      ]);
    }
  }
  expect([...refusals]).toEqual([
    expect.stringMatching(/^401 {2}\{"error":"authentication_required"/),
  ]);
  expect(cells).toBeGreaterThan(60 * 20);
  expect((await trial.get('/api/v1/me', real.token)).status).toBe(200);
}, 120_000);
