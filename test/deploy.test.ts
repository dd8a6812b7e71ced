import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { RECEIVER_COMMANDS } from '../src/cli/table/receiver.ts';

// No engine runs these files here: what they say is read as an engine would, and what they start is a command of ours.
const read = (name: string): string =>
  readFileSync(path.join(import.meta.dirname, '../deploy', name), 'utf8');

const INSTRUCTIONS = new Set(
  'FROM WORKDIR COPY RUN USER VOLUME EXPOSE STOPSIGNAL HEALTHCHECK ENTRYPOINT CMD ENV ARG LABEL'.split(
    ' ',
  ),
);
const SERVICE_KEYS = new Set(
  `build cap_drop command depends_on deploy environment expose healthcheck image mem_limit ports read_only restart
   security_opt stop_grace_period tmpfs volumes`.split(/\s+/),
);
const UNIT_KEYS: Readonly<Record<string, ReadonlySet<string>>> = {
  Unit: new Set(['Description', 'After', 'Wants']),
  Service: new Set(
    `CapabilityBoundingSet DynamicUser Environment EnvironmentFile ExecStart KillSignal MemoryMax NoNewPrivileges
     PrivateDevices PrivateTmp ProtectHome ProtectSystem Restart RestartSec RestrictAddressFamilies StateDirectory
     StateDirectoryMode TimeoutStopSec WorkingDirectory`.split(/\s+/),
  ),
  Install: new Set(['WantedBy']),
};

/** The words behind the program's name are a command of the table, with flags that it has. */
function expectCommand(words: readonly string[]): void {
  const isOf = (at: readonly string[]): boolean => at.every((word, index) => words[index] === word);
  const command = RECEIVER_COMMANDS.find((each) => isOf(each.path));
  const flags = words.filter((word) => word.startsWith('--'));
  const known = (command?.options ?? []).map((option) => option.flags.split(' ')[0] ?? '');
  expect(known).toEqual(expect.arrayContaining(flags));
  expect(flags.length).toBeGreaterThan(0);
}

it('has a container file of known instructions, that runs as nobody and starts a command of ours', () => {
  const lines = read('Containerfile').replaceAll('\\\n', ' ').split('\n');
  const instructions = lines.filter((line) => line !== '' && !line.startsWith('#'));
  for (const line of instructions) expect(INSTRUCTIONS).toContain(line.split(' ')[0]);
  const last = (word: string): string =>
    instructions.findLast((line) => line.startsWith(`${word} `))?.slice(word.length + 1) ?? '';
  expect(last('USER')).toBe('node');
  expect(last('STOPSIGNAL')).toBe('SIGTERM');
  expect(JSON.parse(last('ENTRYPOINT'))).toEqual(['spec-kitty']);
  expectCommand(JSON.parse(last('CMD')) as readonly string[]);
  const check = /CMD (\[.*\])$/.exec(last('HEALTHCHECK'))?.[1] ?? '';
  expect((JSON.parse(check) as readonly string[])[2]).toContain('/readyz');
});

interface Compose {
  readonly services: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

it('has a compose file of known keys, that starts a command of ours with few rights', () => {
  const compose = parse(read('compose.yaml')) as Compose;
  expect(Object.keys(compose).sort()).toEqual(['name', 'services', 'volumes']);
  for (const service of Object.values(compose.services)) {
    for (const key of Object.keys(service)) expect(SERVICE_KEYS).toContain(key);
  }
  const { receiver = {}, db = {} } = compose.services;
  expectCommand(receiver['command'] as readonly string[]);
  expect(receiver).toMatchObject({ read_only: true, stop_grace_period: '10s', cap_drop: ['ALL'] });
  expect(db['volumes']).toEqual([expect.stringMatching(/^db:/)]);
  expect(Object.keys(compose.volumes)).toEqual(['db']);
});

it('has a unit of known keys, that starts a command of ours', () => {
  let section = '';
  for (const line of read('spec-kitty-receiver.service').split('\n')) {
    section = /^\[(\w+)\]$/.exec(line)?.[1] ?? section;
    const [, key, value = ''] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (key === undefined) {
      expect(line).toMatch(/^$|^#|^\[\w+\]$/);
      continue;
    }
    expect(UNIT_KEYS[section]).toContain(key);
    if (key === 'ExecStart') expectCommand(value.split(' spec-kitty ')[1]?.split(' ') ?? []);
    if (key === 'TimeoutStopSec') expect(Number(value)).toBeLessThanOrEqual(10);
  }
});
