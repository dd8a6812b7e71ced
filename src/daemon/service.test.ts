import { expect, it } from 'vitest';
import { tempDir } from '../../test/support/temp-home.ts';
import { createSystem, type Host, type Program } from '../base/index.ts';
import { openHome, type Home } from '../home/index.ts';
import { serviceFor } from './service.ts';

const PROGRAM = { version: '1', executable: '/opt/node 20/node', script: '/opt/kit/dist/bin/k.js' };

function homeOn(platform: Host['platform'], program: Program = PROGRAM): Home {
  const dir = tempDir();
  const env = {
    SPEC_KITTY_HOME: `${dir}/100% "mine"`,
    HOME: dir,
    SPEC_KITTY_ENABLE_SAAS_SYNC: '1',
    SPEC_KITTY_SAAS_URL: 'https://one-shell.example',
    TIDE_KEY: 'secret-of-a-header',
  };
  const system = createSystem(env, dir);
  return openHome({ ...system, program, host: { ...system.host, platform, homeDir: dir } });
}

it('a systemd unit names program and settings, and nothing of one shell', () => {
  const { file, text, next } = serviceFor(homeOn('linux'));
  expect(file).toMatch(/\/\.config\/systemd\/user\/spec-kitty-sync\.service$/);
  expect(text).toContain('ExecStart="/opt/node 20/node" "/opt/kit/dist/bin/k.js" "daemon" "run"\n');
  expect(text).toContain('/100%% \\"mine\\""\n');
  expect(text).toContain('Environment="SPEC_KITTY_ENABLE_SAAS_SYNC=1"\n');
  expect(text).not.toMatch(/one-shell|secret/);
  expect(next).toContain('systemctl --user enable --now spec-kitty-sync.service');
});

it('a launchd agent likewise', () => {
  const { file, text } = serviceFor(homeOn('darwin'));
  expect(file).toMatch(/\/Library\/LaunchAgents\/org\.spec-kitty\.sync\.plist$/);
  expect(text).toContain('<string>/opt/node 20/node</string>');
  expect(text).toContain('<key>SPEC_KITTY_ENABLE_SAAS_SYNC</key><string>1</string>');
  expect(text).not.toMatch(/one-shell|secret/);
});

it.each(['win32', 'freebsd'] as const)('on %s it says that there is none', (platform) => {
  expect(() => serviceFor(homeOn(platform))).toThrow('there is no systemd and no launchd');
});

it('refuses without a program to name', () => {
  expect(() => serviceFor(homeOn('linux', { ...PROGRAM, script: null }))).toThrow('no program');
});
