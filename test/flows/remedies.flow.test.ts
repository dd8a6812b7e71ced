import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { createMachine, EXAMPLE_FACTS, EXAMPLE_MISSIONS } from '../support/command-line.ts';
import type { CommandOptions, Ended, Machine } from '../support/command-line.ts';
import { realReceiver } from '../support/real-receiver.ts';
import { answerAll, recordingServer, type Reply } from '../support/recording-server.ts';

// What is printed as a remedy is typed as it stands, in the shell that printed it, and afterwards all is well.

interface Place {
  readonly machine: Machine;
  readonly at: CommandOptions & { readonly cwd: string };
}

async function place(env: Record<string, string> = {}): Promise<Place> {
  const machine = createMachine();
  const cwd = await machine.project('repo', EXAMPLE_MISSIONS);
  return { machine, at: { cwd, env } };
}

/** The one command that `sync now` prints at its end. */
function printed({ stdout }: Ended): string {
  return /^ {2}(?:Run|Try again with) `(.+)`\.$/m.exec(stdout)?.[1] ?? '';
}

/** The command of the finding that says why the route is blocked. */
async function judged({ machine, at }: Place, code = 'route_blocked'): Promise<string | null> {
  const { json } = await machine.run(['sync', 'status', '--check', '--json'], at);
  const findings = json['findings'] as readonly { code: string; remedy: string | null }[];
  return findings.find((each) => each.code === code)?.remedy ?? null;
}

/** Types a line of ours and of the shell; what it exports is in the environment afterwards. */
async function type({ machine, at }: Place, line: string, input = ''): Promise<number> {
  let exit = 0;
  for (const command of line.split(' && ')) {
    if (exit !== 0) return exit;
    if (command.startsWith('spec-kitty ')) {
      exit = (await machine.run(command.split(' ').slice(1), { ...at, input })).exit;
    } else if (/^(?:read|export) /.test(command)) {
      const shell = spawnSync('bash', ['-c', `${line} && env -0`], { input, encoding: 'utf8' });
      for (const each of shell.stdout.split('\0')) {
        const [name = '', value] = each.split('=');
        if (line.includes(name) && name !== '') Object.assign(at.env ?? {}, { [name]: value });
      }
      return shell.status ?? 1;
    } else {
      exit = spawnSync('sh', ['-c', command]).status ?? 1;
    }
  }
  return exit;
}

async function expectWell({ machine, at }: Place): Promise<void> {
  expect(await machine.run(['sync', 'now'], at)).toMatchObject({ exit: 0 });
  expect(await machine.run(['sync', 'status', '--check'], at)).toMatchObject({ exit: 0 });
}

describe('a remedy is typed as it is printed', () => {
  it('for a header whose variable is not set', async () => {
    const here = await place();
    const { machine, at } = here;
    const receiver = await recordingServer((request) => answerAll(request));
    const named = ['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', receiver.url];
    await machine.run([...named, '--header-env', 'X-Api-Key=HARBOUR_KEY'], at);
    const remedy = printed(await machine.run(['sync', 'now'], at));
    expect(remedy).toBe('read -rs HARBOUR_KEY && export HARBOUR_KEY');
    expect(await judged(here)).toBe(remedy);
    expect(await type(here, remedy, 'a-key\n')).toBe(0);
    await expectWell(here);
    expect(receiver.requests.at(-1)?.headers['x-api-key']).toBe('a-key');
  });

  it('for the hosted side that is switched off, and then for the login', async () => {
    const here = await place({});
    const { machine, at } = here;
    const receiver = await realReceiver();
    const made = await machine.run([
      ...['receiver', 'token', 'create', '--all', '--db', receiver.file, '--json'],
    ]);
    await machine.run(['sync', 'server', receiver.url], at);
    const remedy = printed(await machine.run(['sync', 'now'], at));
    expect(remedy).toBe('export SPEC_KITTY_ENABLE_SAAS_SYNC=1');
    expect(await judged(here)).toBe(remedy);
    expect(await type(here, remedy)).toBe(0);
    const next = printed(await machine.run(['sync', 'now'], at));
    expect(next).toBe(`spec-kitty auth login --server ${receiver.url}`);
    const token = String(made.json['token']);
    expect(await type(here, `${next} --token-stdin --claim`, token)).toBe(0);
    await expectWell(here);
  });

  it('for a receiver that asked to be left alone: the shell waits for it', async () => {
    const here = await place();
    const { machine, at } = here;
    const asked = { status: 429, headers: { 'retry-after': '2' } };
    const receiver = await recordingServer((request, n) => (n === 1 ? asked : answerAll(request)));
    await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', receiver.url], at);
    const first = await machine.run(['sync', 'now'], at);
    expect(first.stdout).toContain('Try again with `sleep 2 && spec-kitty sync now`.');
    expect(await judged(here)).toMatch(/^sleep [12] && spec-kitty sync now$/);
    expect(await judged(here, 'not_delivered')).toMatch(/^sleep [12] && spec-kitty sync now$/);
    const again = await machine.run(['sync', 'now'], at);
    expect(again.stdout).toContain('is left alone for another');
    expect(printed(again)).toMatch(/^sleep [12] && spec-kitty sync now$/);
    expect(receiver.batches()).toHaveLength(1);
    expect(await type(here, printed(again))).toBe(0);
    await expectWell(here);
  });

  it('names the target for a receiver that asked, where another one is the active', async () => {
    const here = await place();
    const { machine, at } = here;
    const asked: Reply = { status: 503, headers: { 'retry-after': '60' } };
    const receiver = await recordingServer(() => asked);
    await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', receiver.url], at);
    await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', 'stub:out.ndjson'], at);
    const all = await machine.run(['sync', 'now', '--all'], at);
    expect(all.stdout).toMatch(/`sleep 60 && spec-kitty sync now --target tgt_anon_[0-9a-f]+`/);
  });

  it('for a receiver whose own host says where it is now', async () => {
    const here = await place();
    const { machine, at } = here;
    const now = await recordingServer((request) => answerAll(request));
    const moved = { status: 308, headers: { location: `${now.url}/api/v1/events/batch/` } };
    const was = await recordingServer(() => moved);
    await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', was.url], at);
    const remedy = printed(await machine.run(['sync', 'now'], at));
    expect(remedy).toMatch(
      new RegExp(
        `^spec-kitty sync mode EXTERNAL_RECEIVER --endpoint ${now.url} && spec-kitty sync targets retire tgt_`,
      ),
    );
    expect(await judged(here)).toBe(remedy);
    expect(now.requests).toEqual([]);
    expect(await type(here, remedy)).toBe(0);
    await expectWell(here);
    expect(now.batches().flat()).toHaveLength(EXAMPLE_FACTS);
  });

  it.each([
    ['https://elsewhere.example/api/v1/events/batch/', 'spec-kitty sync mode --help'],
    ['file:///etc', 'spec-kitty sync mode --help'],
    ["/x';touch${IFS}y;'", 'spec-kitty sync mode --help'],
    ['/x?token=1', 'spec-kitty sync mode --help'],
    ['', 'spec-kitty sync now'],
  ])('never sends anybody to what a receiver names as %j', async (location, command) => {
    const here = await place();
    const { machine, at } = here;
    const receiver = await recordingServer(() => ({ status: 301, headers: { location } }));
    await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', receiver.url], at);
    const remedy = printed(await machine.run(['sync', 'now'], at));
    expect(remedy).toBe(command);
    expect(await type(here, remedy)).toBe(command.endsWith('--help') ? 0 : 1);
  });

  it('for a receiver that wants another login, also when it is looked at later', async () => {
    const here = await place();
    const { machine, at } = here;
    const receiver = await recordingServer((request) =>
      request.headers['authorization'] === 'Bearer right' ? answerAll(request) : { status: 401 },
    );
    await machine.run(['sync', 'mode', 'EXTERNAL_RECEIVER', '--endpoint', receiver.url], at);
    const remedy = printed(await machine.run(['sync', 'now'], at));
    expect(remedy).toBe(`spec-kitty auth login --server ${receiver.url} --token-stdin`);
    expect(await judged(here)).toBe(remedy);
    expect(await type(here, remedy, 'right')).toBe(0);
    await expectWell(here);
  });
});
