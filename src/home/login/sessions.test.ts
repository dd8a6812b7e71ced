import {
  chmodSync,
  chownSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { tempDir, testSystem } from '../../../test/support/temp-home.ts';
import { UserError } from '../../base/index.ts';
import { openHome, type Home } from '../home.ts';
import { forgetLogin, readLogin, replaceLogin, saveSession } from './keeping.ts';
import { listSessions, sessionFor, whyLoggedOut } from './sessions.ts';

const TOKEN = 'sk-canary-0123456789';
const ACME = { kind: 'machine', team: 'acme', user: 'alice@example.com' } as const;
const NOTHING_SAID = {
  userId: null,
  teams: [],
  sessionId: null,
  client: null,
  accessExpiresAt: null,
  refreshExpiresAt: null,
  storage: 'file',
  ended: null,
  renewals: 0,
} as const;
const SECRETS = { token: TOKEN, refresh: null };

function place(): Home {
  const home = openHome(testSystem(tempDir(), { now: 1_700_000_000_000 }));
  onTestFinished(() => {
    home.close();
  });
  return home;
}

function placeWith(text: string): Home {
  const home = place();
  mkdirSync(home.paths.root, { recursive: true, mode: 0o700 });
  writeFileSync(home.paths.session, text, { mode: 0o600 });
  return home;
}

async function refusal(act: () => unknown): Promise<UserError> {
  try {
    await act();
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('sessions', () => {
  it('are bound to one origin', async () => {
    const home = place();
    expect(sessionFor(home, 'https://a.example')).toBeNull();
    const saved = await saveSession(home, 'HTTPS://A.example:443/api/', ACME, SECRETS);
    expect(saved).toEqual({
      ...ACME,
      ...NOTHING_SAID,
      origin: 'https://a.example',
      server: 'https://a.example/api',
      client: expect.stringMatching(/^[0-9A-Z]{26}$/) as string,
      savedAt: 1_700_000_000_000,
    });
    expect(sessionFor(home, 'https://a.example/other/path')).toEqual(saved);
    for (const other of [
      'http://a.example',
      'https://a.example:8443',
      'https://b.a.example',
      'https://a.example.evil',
      'https://a.example@evil.example',
      'not a url',
      '__proto__',
    ]) {
      expect(sessionFor(home, other)).toBeNull();
      expect(await readLogin(home, other)).toBeNull();
    }
  });

  it('are kept beside each other, replaced and forgotten', async () => {
    const home = place();
    await saveSession(home, 'https://a.example', ACME, SECRETS);
    const nobody = { kind: 'machine', team: null, user: null } as const;
    await saveSession(home, 'http://[::1]:8080', nobody, { token: 'second', refresh: null });
    await saveSession(home, 'https://a.example', ACME, { token: 'third', refresh: 'r' });
    const login = await readLogin(home, 'https://a.example');
    expect(login?.secrets).toEqual({ token: 'third', refresh: 'r' });
    expect(sessionFor(home, 'http://[::1]:8080/x')).toMatchObject({ team: null });
    expect((await readLogin(home, 'http://[::1]:8080'))?.secrets.token).toBe('second');
    expect(readFileSync(home.paths.session, 'utf8')).not.toContain(TOKEN);
    await forgetLogin(home, 'https://a.example');
    await forgetLogin(home, 'https://a.example');
    expect(listSessions(home).map(({ origin }) => origin)).toEqual(['http://[::1]:8080']);
    expect(readFileSync(home.paths.session, 'utf8')).not.toContain('third');
  });

  it('never point elsewhere than to their origin, whatever the file says', async () => {
    const entry = { token: 't', server: 'https://evil.example/api' };
    const home = placeWith(
      JSON.stringify({ version: 1, sessions: { 'https://a.example': entry } }),
    );
    expect(sessionFor(home, 'https://a.example')?.server).toBe('https://a.example');
  });

  it('count until they end or expire', () => {
    const session = { ...NOTHING_SAID, ...ACME, origin: 'o', server: 's', savedAt: 0 };
    const login = { ...session, kind: 'device' } as const;
    const at = Date.parse('2026-01-01T00:00:00Z');
    expect(whyLoggedOut(session, at)).toBeNull();
    expect(whyLoggedOut({ ...login, accessExpiresAt: 1 }, at)).toBeNull();
    expect(whyLoggedOut({ ...login, refreshExpiresAt: at + 1 }, at)).toBeNull();
    expect(whyLoggedOut({ ...login, refreshExpiresAt: at }, at)).toBe(
      'the login expired at 2026-01-01T00:00:00.000Z',
    );
    expect(whyLoggedOut({ ...session, accessExpiresAt: at }, at)).toContain('expired');
    expect(whyLoggedOut({ ...login, ended: 'revoked' }, at)).toBe('the login ended: revoked');
    expect(whyLoggedOut(null, at)).toContain('nobody is logged in');
  });

  it('are not replaced by what was decided about an older one', async () => {
    const home = place();
    const first = await saveSession(home, 'https://a.example', ACME, SECRETS);
    await replaceLogin(home, first, { renewals: 1 }, { token: 'fresh-token', refresh: null });
    await replaceLogin(home, first, { renewals: 1, ended: 'too late' }, null);
    const login = await readLogin(home, 'https://a.example');
    expect(login).toMatchObject({ session: { ended: null }, secrets: { token: 'fresh-token' } });
    if (login === null) return;
    await replaceLogin(home, login.session, { renewals: 2, ended: 'gone' }, null);
    expect(await readLogin(home, 'https://a.example')).toBeNull();
    expect(sessionFor(home, 'https://a.example')?.ended).toBe('gone');
    expect(readFileSync(home.paths.session, 'utf8')).not.toContain('fresh-token');
  });

  it('lie in a file that is the owner’s alone, whatever the umask', async () => {
    const before = process.umask(0);
    try {
      const home = place();
      await saveSession(home, 'https://a.example', ACME, SECRETS);
      expect(statSync(home.paths.session).mode & 0o777).toBe(0o600);
      expect(statSync(home.paths.root).mode & 0o777).toBe(0o700);
    } finally {
      process.umask(before);
    }
  });

  it('cannot hold what no header can carry', async () => {
    const home = place();
    for (const token of ['', 'a b', 'a\nb: c', 'é', 'x'.repeat(16_385)]) {
      const error = await refusal(() =>
        saveSession(home, 'https://a.example', ACME, { token, refresh: null }),
      );
      expect(error.code).toBe('usage');
    }
    const named = await refusal(() => saveSession(home, 'https://u@a.example', ACME, SECRETS));
    expect(named.code).toBe('invalid_url');
    expect(home.system.files.lstat(home.paths.session)).toBeNull();
  });

  it.each([0o640, 0o604, 0o660])('are not read from a file with mode %o', async (mode) => {
    const home = place();
    await saveSession(home, 'https://a.example', ACME, SECRETS);
    chmodSync(home.paths.session, mode);
    const error = await refusal(() => sessionFor(home, 'https://a.example'));
    expect(error.code).toBe('session_unreadable');
    expect(error.remedy).toBe(`chmod 600 '${home.paths.session}'`);
    expect(error.message).not.toContain(TOKEN);
    const other = await refusal(() => saveSession(home, 'https://b.example', ACME, SECRETS));
    expect(other.code).toBe('session_unreadable');
    chmodSync(home.paths.session, 0o600);
    expect((await readLogin(home, 'https://a.example'))?.secrets.token).toBe(TOKEN);
  });

  it.runIf(process.getuid?.() === 0)('are not read from another user’s file', async () => {
    const home = place();
    await saveSession(home, 'https://a.example', ACME, SECRETS);
    chownSync(home.paths.session, 1234, 1234);
    const error = await refusal(() => sessionFor(home, 'https://a.example'));
    expect(error).toMatchObject({ code: 'session_unreadable' });
    expect(error.remedy).toBe(`chown 0 '${home.paths.session}'`);
  });

  it('are not read through a link', async () => {
    const other = place();
    await saveSession(other, 'https://a.example', ACME, SECRETS);
    const home = place();
    mkdirSync(home.paths.root, { recursive: true });
    symlinkSync(other.paths.session, home.paths.session);
    const error = await refusal(() => sessionFor(home, 'https://a.example'));
    expect(error).toMatchObject({ code: 'session_unreadable' });
    expect(error.remedy).toBe(`rm '${home.paths.session}'`);
  });

  it.each([
    `{"sessions": ${TOKEN}`,
    `["${TOKEN}"]`,
    `{"version": 2, "sessions": {"https://a.example": {"token": "${TOKEN}"}}}`,
    `{"version": 1, "sessions": "${TOKEN}"}`,
    `{"version": 1, "sessions": {"https://a.example": "${TOKEN}"}}`,
    `{"version": 1, "sessions": {"https://a.example": {"token": "${TOKEN} x"}}}`,
    '',
  ])('are refused without a word of the file: %j', async (text) => {
    const home = placeWith(text);
    const error = await refusal(() => sessionFor(home, 'https://a.example'));
    expect(error.code).toBe('session_unreadable');
    expect(`${error.message} ${error.stack ?? ''} ${String(error.cause)}`).not.toContain(TOKEN);
    expect(error.remedy).toBe(`rm '${home.paths.session}'`);
  });

  it('fills in what an entry does not say', async () => {
    const home = placeWith(`{"version": 1, "sessions": {"https://a.example": {"token": "t"}}}`);
    expect(sessionFor(home, 'https://a.example')).toEqual({
      ...NOTHING_SAID,
      origin: 'https://a.example',
      server: 'https://a.example',
      team: null,
      user: null,
      kind: 'machine',
      savedAt: 0,
    });
  });

  it('keeps a quote in a path inside the remedy', async () => {
    const home = placeWith('x');
    const paths = {
      ...home.paths,
      root: `${home.paths.root}/it's`,
      session: `${home.paths.root}/it's/s`,
    };
    mkdirSync(paths.root);
    writeFileSync(paths.session, 'x', { mode: 0o600 });
    const error = await refusal(() => sessionFor({ ...home, paths }, 'https://a.example'));
    expect(error.remedy).toBe(`rm '${home.paths.root}/it'\\''s/s'`);
  });
});
