import { createCipheriv, scryptSync } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { tempDir, testSystem } from '../../../test/support/temp-home.ts';
import { openHome, type Home } from '../home.ts';
import { cachedQueueScope } from '../sync-target.ts';
import { listSessions } from './sessions.ts';
import { readUpstreamIdentity } from './upstream.ts';

const SALT = Buffer.from(Array.from({ length: 16 }, (_, index) => index));
const TEAMS = [
  { id: 'team-1', name: 'Crew', role: 'member', is_private_teamspace: false },
  { id: 'team-2', name: 'Ann', role: 'owner', is_private_teamspace: true },
];
const SESSION = {
  email: 'Ann@Example.com',
  teams: TEAMS,
  access_token: 'upstream-access',
  refresh_token: 'upstream-refresh',
};

function home(): Home {
  const opened = openHome(testSystem(tempDir()));
  onTestFinished(() => {
    opened.close();
  });
  mkdirSync(opened.paths.upstreamAuth, { recursive: true });
  return opened;
}

function seal(at: Home, session: unknown, host = at.system.host.name): void {
  const key = scryptSync(`${host}:${process.getuid?.() ?? 0}`, SALT, 32, { N: 16_384, r: 8, p: 1 });
  const nonce = Buffer.alloc(12, 7);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  const parts = [cipher.update(JSON.stringify(session)), cipher.final(), cipher.getAuthTag()];
  const file = { version: 2, nonce: nonce.toString('hex'), ciphertext: hex(parts) };
  keep(at, 'session.json', JSON.stringify(file));
  keep(at, 'session.salt', SALT);
}

function hex(parts: readonly Buffer[]): string {
  return Buffer.concat(parts).toString('hex');
}

function keep(at: Home, name: string, content: string | Uint8Array): void {
  writeFileSync(path.join(at.paths.upstreamAuth, name), content, { mode: 0o600 });
}

it('knows the earlier program’s key', () => {
  const key = scryptSync('myhost:1000', SALT, 32, { N: 16_384, r: 8, p: 1 });
  expect(key.toString('hex')).toBe(
    '702672b1f8585c46c95eda616010eff25202d702502bd6b85b85c9f7f69375e9',
  );
});

it('finds the name of the earlier queue in the session, and takes nothing else from it', async () => {
  const at = home();
  seal(at, SESSION);
  expect(readUpstreamIdentity(at)).toEqual({ email: 'Ann@Example.com', team: 'team-2' });
  writeFileSync(at.paths.config, '[sync]\nserver_url = "https://Saas.example/"\n');
  expect(await cachedQueueScope(at)).toBe('https://saas.example|ann@example.com|team-2');
  expect(listSessions(at)).toEqual([]);
});

it('falls back to the credentials where the session names no server, person or private team', async () => {
  const at = home();
  writeFileSync(
    at.paths.credentials,
    '[server]\nurl = "https://old.example"\n[user]\nusername = "ann"\n',
  );
  const fallback = 'https://old.example|ann|no-team';
  seal(at, SESSION);
  expect(await cachedQueueScope(at)).toBe(fallback);
  writeFileSync(at.paths.config, '[sync]\nserver_url = "https://saas.example"\n');
  for (const session of [{ ...SESSION, teams: [TEAMS[0]] }, { ...SESSION, email: '' }, [], 'x']) {
    seal(at, session);
    expect(await cachedQueueScope(at)).toBe(fallback);
  }
});

it('is none where it cannot be read', () => {
  const at = home();
  expect(readUpstreamIdentity(at)).toBeNull();
  seal(at, SESSION, 'another-host');
  expect(readUpstreamIdentity(at)).toBeNull();
  seal(at, SESSION);
  chmodSync(path.join(at.paths.upstreamAuth, 'session.json'), 0o644);
  expect(readUpstreamIdentity(at)).toBeNull();
  chmodSync(path.join(at.paths.upstreamAuth, 'session.json'), 0o600);
  keep(at, 'session.salt', SALT.subarray(1));
  expect(readUpstreamIdentity(at)).toBeNull();
  keep(at, 'session.salt', SALT);
  for (const text of ['', '{"version":3}', '{"version":2,"nonce":"00","ciphertext":"00"}', '[]']) {
    keep(at, 'session.json', text);
    expect(readUpstreamIdentity(at)).toBeNull();
  }
});
