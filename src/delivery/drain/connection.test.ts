import { describe, expect, it } from 'vitest';
import { ledgerTrial, type LedgerTrial } from '../../../test/support/ledger-trial.ts';
import {
  answerAll,
  recordingServer,
  type RecordingServer,
} from '../../../test/support/recording-server.ts';
import { saveSession } from '../../home/index.ts';
import { parseEndpoint, type Receiver } from '../../receivers/index.ts';
import { connect } from './connection.ts';
import { registerTarget, setHeaders, type Target } from '../targets.ts';

const ENABLED = { SPEC_KITTY_ENABLE_SAAS_SYNC: '1' };
const ALICE = { kind: 'machine', team: 'acme', user: 'alice@example.com' } as const;
const SECRETS = { token: 'secret-token', refresh: null };

function register(
  trial: LedgerTrial,
  url: string,
  naming: {
    readonly kind?: 'teamspace' | 'external';
    readonly team?: string;
    readonly user?: string;
  } = {},
): Target {
  const { kind = 'external', team = '', user = '' } = naming;
  const endpoint = parseEndpoint(url, { kind, allowHttp: false, cwd: trial.system.cwd });
  return registerTarget(trial.db, endpoint, { team, user, allowHttp: false, now: 1 });
}

async function receiverOf(trial: LedgerTrial, target: Target): Promise<Receiver> {
  const connection = await connect(trial.home, trial.db, target);
  if (connection.kind === 'ready') return connection.receiver;
  throw new Error(connection.blocked.reason);
}

async function gateOf(trial: LedgerTrial, target: Target): Promise<string> {
  const connection = await connect(trial.home, trial.db, target);
  return connection.kind === 'blocked' ? connection.blocked.reason : 'open';
}

/** The headers that a receiver is asked with. */
async function headersOfProbe(
  trial: LedgerTrial,
  target: Target,
  server: RecordingServer,
): Promise<Readonly<Record<string, unknown>>> {
  const receiver = await receiverOf(trial, target);
  await receiver.probe(new AbortController().signal);
  return server.requests.at(-1)?.headers ?? {};
}

describe('connect', () => {
  it('opens no socket itself', async () => {
    const server = await recordingServer((request) => answerAll(request));
    const trial = ledgerTrial();
    await receiverOf(trial, register(trial, server.url));
    expect(server.requests).toEqual([]);
  });

  it('needs neither login nor configuration for a stub', async () => {
    const trial = ledgerTrial();
    const receiver = await receiverOf(trial, register(trial, 'stub:out.ndjson'));
    expect(receiver.kind).toBe('stub');
  });

  it('gives the token of a login to its own origin and to no other', async () => {
    const [mine, other] = [
      await recordingServer((request) => answerAll(request)),
      await recordingServer((request) => answerAll(request)),
    ];
    const trial = ledgerTrial();
    await saveSession(trial.home, mine.url, ALICE, SECRETS);
    const ours = await headersOfProbe(trial, register(trial, mine.url), mine);
    expect(ours['authorization']).toBe('Bearer secret-token');
    const theirs = await headersOfProbe(trial, register(trial, other.url), other);
    expect(theirs['authorization']).toBeUndefined();
  });

  it('reads configured headers from the environment, where they win over the login', async () => {
    const server = await recordingServer((request) => answerAll(request));
    const trial = ledgerTrial({ HOOK_KEY: 'abc', HOOK_AUTH: 'Basic eA==' });
    await saveSession(trial.home, server.url, ALICE, SECRETS);
    const target = register(trial, server.url);
    setHeaders(trial.db, target.id, [
      { name: 'X-Key', envVar: 'HOOK_KEY' },
      { name: 'Authorization', envVar: 'HOOK_AUTH' },
    ]);
    const headers = await headersOfProbe(trial, target, server);
    expect(headers).toMatchObject({ 'x-key': 'abc', authorization: 'Basic eA==' });
  });

  it.each([[{}], [{ HOOK_KEY: '' }]])(
    'stays closed while a header has no value: %j',
    async (env) => {
      const trial = ledgerTrial(env);
      const target = register(trial, 'https://host.example');
      setHeaders(trial.db, target.id, [{ name: 'X-Key', envVar: 'HOOK_KEY' }]);
      expect(await gateOf(trial, target)).toBe('missing_auth');
    },
  );
});

describe('the Teamspace', () => {
  const url = 'https://saas.example';
  const claimed = { kind: 'teamspace', team: ALICE.team, user: ALICE.user } as const;

  it('is closed until the machine opts in, somebody with a team is logged in and the grant is claimed', async () => {
    const closed = ledgerTrial();
    expect(await gateOf(closed, register(closed, url, claimed))).toBe('saas_disabled');
    const trial = ledgerTrial(ENABLED);
    const target = register(trial, url, claimed);
    expect(await gateOf(trial, target)).toBe('missing_auth');
    await saveSession(trial.home, url, { ...ALICE, team: null }, SECRETS);
    expect(await gateOf(trial, target)).toBe('missing_team');
    await saveSession(trial.home, url, ALICE, SECRETS);
    expect(await gateOf(trial, register(trial, url, { kind: 'teamspace' }))).toBe('missing_auth');
    expect(await gateOf(trial, target)).toBe('open');
  });

  it('never gates an external receiver', async () => {
    const trial = ledgerTrial();
    expect(await gateOf(trial, register(trial, url))).toBe('open');
  });
});
