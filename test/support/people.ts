import { createIds, systemClock, systemRandom } from '../../src/base/index.ts';
import { addUser, type Identity } from '../../src/server/index.ts';
import type { RealReceiver } from './real-receiver.ts';

export const PASSWORD = 'correct horse battery';

/** Makes accounts at a real receiver, whose users have chosen PASSWORD by their links. */
export async function addPeople(receiver: RealReceiver, ...emails: string[]): Promise<void> {
  for (const email of emails) {
    const { code } = await addUser(identityOf(receiver), { email, name: null });
    const done = await fetch(`${receiver.url}/setup`, {
      method: 'POST',
      headers: { 'content-type': FORM, origin: receiver.url },
      body: new URLSearchParams({ code, password: PASSWORD }),
    });
    if (done.status !== 200) throw new Error(await done.text());
  }
}

/** Confirms a device's code in a browser in which somebody logs in for it. */
export async function confirmDevice(
  receiver: RealReceiver,
  email: string,
  userCode: string,
): Promise<void> {
  const next = `/device?user_code=${userCode}`;
  const entered = await post(receiver, '/login', { username: email, password: PASSWORD, next });
  const [cookie = ''] = (entered.headers.get('set-cookie') ?? '').split(';');
  const page = await fetch(`${receiver.url}${next}`, { headers: { cookie } });
  const key = /name="form_key" value="([0-9a-f]{64})"/.exec(await page.text())?.[1] ?? '';
  const form = { form_key: key, decision: 'approve', team: email, user_code: userCode };
  const decided = await post(receiver, '/device', form, { cookie });
  if (decided.status !== 200) throw new Error(await decided.text());
}

const FORM = 'application/x-www-form-urlencoded';

function identityOf({ store }: RealReceiver): Identity {
  const clock = systemClock();
  return { store, clock, ids: createIds(clock), random: systemRandom };
}

function post(
  { url }: RealReceiver,
  path: string,
  fields: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return fetch(`${url}${path}`, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'content-type': FORM, origin: url, ...headers },
    body: new URLSearchParams(fields),
  });
}
