import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { tempDir, testSystem } from '../../test/support/temp-home.ts';
import type { Env } from '../base/index.ts';
import { readConfig, readForeignToml, writeConfig, type Config } from './config.ts';
import { parseSyncMode } from './modes.ts';
import { homePaths, type Place } from './paths.ts';

function place(text: string | null, env: Env = {}): Place {
  const dir = tempDir();
  const system = testSystem(dir, { env });
  const paths = homePaths(system);
  if (text !== null) {
    mkdirSync(paths.root, { recursive: true });
    writeFileSync(paths.config, text);
  }
  return { system, paths };
}

function read(text: string | null, env: Env = {}): Promise<Config> {
  return readConfig(place(text, env));
}

describe('readConfig', () => {
  it('names the source of every value', async () => {
    expect(await read(null)).toEqual({
      configuredServerUrl: { value: null, source: 'default' },
      envServerUrl: { value: null, source: 'default' },
      saasEnabled: { value: false, source: 'default' },
      mode: { value: null, source: 'default' },
      optOutPolicy: { value: 'refuse', source: 'default' },
      externalEndpoint: { value: null, source: 'default' },
      maxQueueSize: { value: 100_000, source: 'default' },
      backgroundDaemon: { value: 'auto', source: 'default' },
    });
    const text = [
      '[sync]',
      'server_url = " https://a.example/ "',
      'max_queue_size = 5',
      'background_daemon = " Manual "',
      '[event_sync]',
      'mode = "external-receiver"',
      'external_endpoint = "https://b.example"',
    ].join('\n');
    const env = { SPEC_KITTY_SAAS_URL: ' https://c.example ', SPEC_KITTY_ENABLE_SAAS_SYNC: ' On ' };
    expect(await read(text, env)).toEqual({
      configuredServerUrl: { value: ' https://a.example/ ', source: 'home' },
      envServerUrl: { value: ' https://c.example ', source: 'env' },
      saasEnabled: { value: true, source: 'env' },
      mode: { value: 'EXTERNAL_RECEIVER', source: 'home' },
      optOutPolicy: { value: 'refuse', source: 'default' },
      externalEndpoint: { value: 'https://b.example', source: 'home' },
      maxQueueSize: { value: 5, source: 'home' },
      backgroundDaemon: { value: 'manual', source: 'home' },
    });
  });

  it.each([
    ['1', true],
    ['TRUE', true],
    ['yes', true],
    ['0', false],
    ['', false],
    ['enabled', false],
  ])('reads SPEC_KITTY_ENABLE_SAAS_SYNC=%j as %s', async (text, expected) => {
    const config = await read(null, { SPEC_KITTY_ENABLE_SAAS_SYNC: text });
    expect(config.saasEnabled).toEqual({ value: expected, source: 'env' });
  });

  it.each([
    ['[sync\nserver_url = ', /config\.toml: line 1, column \d+: Invalid TOML document/],
    ['sync = "x"', /\[sync\] must be a table/],
    ['event_sync = [1]', /\[event_sync\] must be a table/],
    ['[sync]\nserver_url = 42', /\[sync\]\.server_url must be a text/],
    ['[sync]\nmax_queue_size = -1', /\[sync\]\.max_queue_size must be a positive whole number/],
    ['[sync]\nmax_queue_size = "5"', /\[sync\]\.max_queue_size must be a positive whole number/],
    ['[sync]\nbackground_daemon = ""', /\[sync\]\.background_daemon must be "auto" or "manual"/],
    ['[event_sync]\nopt_out_policy = "drop"', /opt_out_policy must be one of refuse, audit/],
    ['[event_sync]\nexternal_endpoint = true', /external_endpoint must be a text/],
    ['# \ufffd', /it is not UTF-8 text/],
  ])('refuses %j', async (text, message) => {
    await expect(read(text)).rejects.toMatchObject({
      name: 'UserError',
      code: 'config_corrupt',
      message: expect.stringMatching(message) as string,
    });
  });

  it('never quotes the file in an error', async () => {
    const text = 'token = "hunter2" x';
    await expect(read(text)).rejects.not.toThrow(/hunter2/);
  });
});

const FOREIGN = `# top comment
title = 'x' # trailing
big = 9223372036854775807
float = 1.0
when = 1979-05-27T07:32:00-08:00

[sync] # the sync table
max_queue_size = 5 # five

[sync.repo_defaults."owner/repo"]
enabled = true   # odd   spacing

[[thing]]
name = "a"
  [thing.sub]
  x = {a=1, b = "two"}
`;

describe('writeConfig', () => {
  it('keeps every foreign table, comment and spelling', async () => {
    const home = place(FOREIGN);
    await writeConfig(home, { serverUrl: 'https://new.example', mode: 'EXTERNAL_RECEIVER' });
    await writeConfig(home, { externalEndpoint: 'https://r.example/hook' });
    const text = readFileSync(home.paths.config, 'utf8');
    for (const line of FOREIGN.split('\n')) expect(text.split('\n')).toContain(line);
    expect(parse(text, { integersAsBigInt: 'asNeeded' })).toMatchObject({
      sync: { server_url: 'https://new.example', max_queue_size: 5 },
      event_sync: { mode: 'external_receiver', external_endpoint: 'https://r.example/hook' },
    });
    await writeConfig(home, { mode: 'TEAMSPACE', externalEndpoint: null });
    const config = await readConfig(home);
    expect(config.mode.value).toBe('TEAMSPACE');
    expect(config.externalEndpoint.value).toBeNull();
  });

  it.each([
    ['', 'an empty file'],
    ['# only\n# comments\n', 'comments alone'],
    ['sync.max_queue_size = 5\n[other]\na=1\n', 'dotted keys'],
    ['sync = {max_queue_size=5}\nfoo=1\n', 'an inline table'],
    ['[sync.repo_defaults."a/b"]\nenabled=true', 'an implicit table and no last line break'],
    ['[other]\r\nx=1 # c\r\n', 'Windows line ends'],
  ])('changes %j: %s', async (text) => {
    const home = place(text);
    await writeConfig(home, { serverUrl: 'https://new.example' });
    const written = readFileSync(home.paths.config, 'utf8');
    const before = parse(text);
    const sync = { ...(before['sync'] as object | undefined), server_url: 'https://new.example' };
    expect(parse(written)).toEqual({ ...before, sync });
    expect(written.endsWith('\n')).toBe(true);
    const comments = text.match(/#.*/g) ?? [];
    for (const comment of comments) expect(written).toContain(comment);
  });

  it('creates file and directory for the owner alone', async () => {
    const home = place(null);
    await writeConfig(home, { serverUrl: 'https://new.example' });
    expect(statSync(home.paths.root).mode & 0o777).toBe(0o700);
    expect(statSync(home.paths.config).mode & 0o777).toBe(0o600);
  });

  it('refuses a corrupt file and leaves it alone', async () => {
    for (const text of ['[sync\n', 'sync = "x"\n']) {
      const home = place(text);
      const change = writeConfig(home, { serverUrl: 'https://new.example' });
      await expect(change).rejects.toMatchObject({ code: 'config_corrupt' });
      expect(readFileSync(home.paths.config, 'utf8')).toBe(text);
    }
  });

  it('changes a linked file where it lies', async () => {
    const home = place('');
    const real = path.join(tempDir(), 'dotfiles.toml');
    writeFileSync(real, '[other]\nx = 1\n');
    const linked = { ...home.paths, config: path.join(home.paths.root, 'linked.toml') };
    symlinkSync(real, linked.config);
    await writeConfig({ ...home, paths: linked }, { serverUrl: 'https://new.example' });
    expect(readFileSync(real, 'utf8')).toContain('server_url = "https://new.example"');
    expect(home.system.files.lstat(linked.config)?.kind).toBe('symlink');
  });
});

describe('readForeignToml', () => {
  it('answers null for what is absent, a link or no TOML', async () => {
    const home = place('');
    const file = home.paths.credentials;
    expect(await readForeignToml(home, file)).toBeNull();
    writeFileSync(file, '[user');
    expect(await readForeignToml(home, file)).toBeNull();
    writeFileSync(file, '[user]\nusername = "a"\n');
    expect(await readForeignToml(home, file)).toMatchObject({ user: { username: 'a' } });
  });
});

describe('parseSyncMode', () => {
  it.each([
    [' teamspace ', 'TEAMSPACE'],
    ['External-Receiver', 'EXTERNAL_RECEIVER'],
    ['LOCAL_RETENTION', 'LOCAL_RETENTION'],
    ['opt-out', 'OPT_OUT'],
    ['Trash', 'OPT_OUT'],
    ['', null],
    ['everything', null],
  ])('%j is %s', (text, expected) => {
    expect(parseSyncMode(text)).toBe(expected);
  });
});
