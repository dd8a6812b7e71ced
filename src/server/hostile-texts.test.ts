import { expect, it } from 'vitest';
import { INJECTIONS } from '../../test/support/hostile-texts.ts';
import {
  type LoginTrial,
  ORIGIN,
  PASSWORD,
  startLoginTrial,
} from '../../test/support/login-trial.ts';
import {
  bearer,
  envelope,
  OTHER_PROJECT,
  PROJECT,
  send,
} from '../../test/support/receiver-trial.ts';
import { sha256Hex } from '../base/index.ts';
import { brokenEntry } from './identity/audit.ts';

const ANN = 'ann@kitty.example';

const FIELDS = [
  'after',
  'limit',
  'project',
  'mission',
  'branch',
  'type',
  'manifest',
  'path',
  'order',
  'team',
  'role',
];
const LISTS = ['/api/v1/events/', '/api/v1/namespaces/', '/api/v1/artifacts/', '/api/v1/bodies/'];
const FORMS: readonly (readonly [string, readonly string[]])[] = [
  ['/oauth/token', ['grant_type', 'device_code', 'refresh_token', 'client_nonce', 'client_id']],
  ['/oauth/revoke', ['token', 'token_type_hint']],
  ['/oauth/device', ['client_id', 'scope']],
  ['/setup', ['code', 'email', 'name']],
  ['/device', ['user_code', 'team', 'decision', 'form_key']],
];

function saysNothingInside(text: string): void {
  expect(text).not.toMatch(
    /SQLITE|syntax error|no such column|near "|at \w+ \(|node:|\/src\/|scrypt\$/i,
  );
  expect(text).not.toMatch(/<script|<img/i);
}

async function everything(trial: LoginTrial): Promise<string> {
  const tables = [
    'events',
    'users',
    'teams',
    'memberships',
    'projects',
    'tokens',
    'sessions',
    'refresh_tokens',
  ];
  const { driver } = trial.store;
  const rows = await Promise.all(
    tables.map((table) => driver.all(`SELECT * FROM ${table} ORDER BY 1, 2`)),
  );
  return sha256Hex(JSON.stringify(rows));
}

async function check(response: Response | Promise<Response>): Promise<void> {
  const given = await response;
  expect(given.status).toBeLessThan(500);
  expect(given.headers.get('set-cookie')).toBeNull();
  expect(given.headers.get('location') ?? '/').toMatch(/^\/(?!\/)/);
  saysNothingInside(await given.text());
}

it('takes texts for texts, whatever they say and wherever they stand', async () => {
  const trial = await startLoginTrial();
  await trial.person(ANN, { harbour: 'owner' });
  const { access } = await trial.login(ANN, 'harbour');
  await send(trial, [envelope(1), envelope(2, { project_uuid: OTHER_PROJECT })], bearer(access));
  const entered = await trial.page('/login', { username: ANN, password: PASSWORD });
  const before = await everything(trial);
  const get = (path: string): Response | Promise<Response> =>
    trial.app.fetch(
      new Request(`${ORIGIN}${path}`, { headers: { ...bearer(access), cookie: entered.cookie } }),
    );
  let count = 0;
  for (const [index, text] of INJECTIONS.entries()) {
    const escaped = encodeURIComponent(text.replaceAll(/[\uD800-\uDFFF]/g, '?'));
    for (const list of LISTS.filter((_list, place) => place === index % LISTS.length)) {
      for (const field of FIELDS) {
        const where = new URLSearchParams({
          project: PROJECT,
          mission: 'm',
          path: 'p',
          [field]: text,
        });
        await check(get(`${list}?${where.toString()}`));
        count += 1;
      }
    }
    for (const path of [
      `/api/v1/events/${escaped}`,
      `/api/v1/bodies/${escaped}?project=${PROJECT}`,
      `/device?user_code=${escaped}`,
      `/login?next=${escaped}`,
      `/setup?code=${escaped}`,
    ]) {
      await check(get(path));
      count += 1;
    }
    for (const [path, fields] of FORMS) {
      for (const field of fields) {
        const body = new URLSearchParams({ client_id: 'cli_native', [field]: text }).toString();
        const headers = {
          'content-type': 'application/x-www-form-urlencoded',
          origin: ORIGIN,
          cookie: entered.cookie,
        };
        // Each from another place: what is limited is not looked at.
        const from = { 'x-forwarded-for': `203.0.113.${count % 250}` };
        await check(
          trial.app.fetch(
            new Request(`${ORIGIN}${path}`, {
              method: 'POST',
              body,
              headers: { ...headers, ...from },
            }),
          ),
        );
        count += 1;
      }
    }
    for (const field of index % 6 === 0 ? ['username', 'team'] : []) {
      trial.clock.move(1);
      const { status, json } = await trial.post(
        '/api/v1/token/',
        { username: `${count}@kitty.example`, password: 'p', [field]: text },
        { 'x-forwarded-for': `198.51.100.${count % 250}` },
      );
      expect(status).toBeLessThan(500);
      saysNothingInside(JSON.stringify(json));
      count += 1;
    }
  }
  expect(count).toBeGreaterThan(900);
  expect(await everything(trial)).toBe(before);
  expect(await brokenEntry(trial.store.driver)).toBeNull();
}, 120_000);
