import path from 'node:path';
import { UserError } from '../base/index.ts';
import type { Home } from '../home/index.ts';
import { daemonSettings } from './settings.ts';

/** A file that makes the system's own service manager keep a daemon running, and how it is told. */
export interface Service {
  readonly file: string;
  readonly text: string;
  /** Commands that make it take effect. */
  readonly next: readonly string[];
}

const NAME = 'spec-kitty-sync';
const LABEL = 'org.spec-kitty.sync';

/**
 * The service of this home on this platform. Its environment is written into it here and now: whatever shell is around
 * later changes nothing.
 * @throws UserError `daemon_failed` where there is neither systemd nor launchd, or no program to name.
 */
export function serviceFor(home: Home): Service {
  const { host, program } = home.system;
  if (program.script === null)
    throw refused('this process is no program that a service could start');
  const words = [program.executable, program.script, 'daemon', 'run'];
  const settings = Object.entries(daemonSettings(home));
  if (host.platform === 'linux') return systemd(host.homeDir, words, settings);
  if (host.platform === 'darwin') return launchd(host.homeDir, words, settings);
  throw refused(`there is no systemd and no launchd on ${host.platform}`);
}

type Settings = readonly (readonly [string, string])[];

function systemd(homeDir: string, words: readonly string[], settings: Settings): Service {
  const file = path.join(homeDir, '.config', 'systemd', 'user', `${NAME}.service`);
  const lines = [
    '[Unit]',
    'Description=Spec Kitty sync daemon',
    '',
    '[Service]',
    'Type=exec',
    `ExecStart=${words.map(quoted).join(' ')}`,
    ...settings.map(([name, value]) => `Environment=${quoted(`${name}=${value}`)}`),
    // `daemon stop` ends in peace and stays; one whose program was replaced ends otherwise and comes back.
    'Restart=on-failure',
    'RestartSec=5',
    'TimeoutStopSec=10',
    '',
    '[Install]',
    'WantedBy=default.target',
  ];
  const next = ['systemctl --user daemon-reload', `systemctl --user enable --now ${NAME}.service`];
  return { file, text: `${lines.join('\n')}\n`, next };
}

/** systemd unquotes and expands `%` and `$`. */
function quoted(text: string): string {
  const escaped = text
    .replaceAll('\\', String.raw`\\`)
    .replaceAll('"', String.raw`\"`)
    .replaceAll('%', '%%')
    .replaceAll('$', '$$$$');
  return `"${escaped}"`;
}

function launchd(homeDir: string, words: readonly string[], settings: Settings): Service {
  const file = path.join(homeDir, 'Library', 'LaunchAgents', `${LABEL}.plist`);
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
    '<plist version="1.0"><dict>',
    `  <key>Label</key><string>${LABEL}</string>`,
    '  <key>ProgramArguments</key><array>',
    ...words.map((word) => `    <string>${xml(word)}</string>`),
    '  </array>',
    '  <key>EnvironmentVariables</key><dict>',
    ...settings.map(([name, value]) => `    <key>${xml(name)}</key><string>${xml(value)}</string>`),
    '  </dict>',
    '  <key>RunAtLoad</key><true/>',
    '  <key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>',
    '</dict></plist>',
  ];
  return { file, text: `${lines.join('\n')}\n`, next: [`launchctl load -w '${file}'`] };
}

function xml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function refused(reason: string): UserError {
  return new UserError('daemon_failed', reason, { remedy: 'spec-kitty daemon start' });
}
