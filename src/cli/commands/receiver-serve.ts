import path from 'node:path';
import { createLog, EXIT, systemRandom, UserError } from '../../base/index.ts';
import type { ServeOptions, Store } from '../../server/index.ts';
import { fine, type Answer } from '../answer.ts';
import { flagOption, textOption, type Context } from '../io.ts';
import { withStore } from './receiver-store.ts';

const MAX_PORT = 65_535;
const LOOK_MS = 300;

/** `spec-kitty receiver serve`: answers until the process is asked to stop. */
export async function run(context: Context): Promise<Answer> {
  return withStore(context, (store) => answerUntilAsked(context, store), false);
}

async function answerUntilAsked(context: Context, store: Store): Promise<Answer> {
  const { serve } = await import('../../server/index.ts');
  const receiver = await serve(store, serveOptions(context));
  if (!flagOption(context.options, 'json')) await announce(context, receiver.url, store);
  await ended(context);
  await receiver.close();
  const { url, instanceId } = receiver;
  return fine({ url, server_instance_id: instanceId, stopped: true }, ['Stopped.']);
}

function serveOptions(context: Context): ServeOptions {
  const { io, system, options } = context;
  const port = portOf(textOption(options, 'port'));
  const host = textOption(options, 'host');
  const ready = textOption(options, 'readyFile');
  const publicUrl = publicUrlOf(textOption(options, 'publicUrl'));
  const metricsToken = system.env['SPEC_KITTY_METRICS_TOKEN'] ?? '';
  return {
    clock: system.clock,
    log: createLog(system.clock, (line) => {
      io.stderr.write(line);
    }),
    isStrict: flagOption(options, 'strict'),
    deployment: {
      deploymentId: system.env['SPEC_KITTY_DEPLOYMENT_ID'] ?? null,
      environmentName: system.env['SPEC_KITTY_ENVIRONMENT'] ?? null,
      gitSha: system.env['SPEC_KITTY_GIT_SHA'] ?? null,
    },
    ...rateOf(textOption(options, 'rate')),
    ...(metricsToken === '' ? {} : { metricsToken }),
    ...(host === null ? {} : { host }),
    ...(port === null ? {} : { port }),
    ...(publicUrl === null ? {} : { publicUrl }),
    ...(ready === null ? {} : { readyFile: readyFile(context, ready) }),
  };
}

/** Nobody has an account at first, and there is no password to know: who sees this output may make the first one. */
async function announce(
  { io, system, options }: Context,
  url: string,
  store: Store,
): Promise<void> {
  const { firstLink } = await import('../../server/index.ts');
  const { clock, ids } = system;
  const code = await firstLink({ store, clock, ids, random: systemRandom });
  const base = publicUrlOf(textOption(options, 'publicUrl')) ?? url;
  const first =
    code === null ? '' : `  First account, once and within an hour: ${base}/setup?code=${code}\n`;
  io.stdout.write(
    `Receiver listens on ${url}\n  Store ${store.path}\n${first}  Stop it with Ctrl-C.\n`,
  );
}

function readyFile(
  context: Context,
  name: string,
): { readonly path: string; readonly files: Context['system']['files']; readonly pid: number } {
  const { files, cwd, host } = context.system;
  return { path: path.resolve(cwd, name), files, pid: host.pid };
}

function stopAsked(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => {
      resolve();
    });
  });
}

/** Resolves when the process is asked to stop, or its ready file is gone: how one without a terminal is ended. */
async function ended({ io, system, options }: Context): Promise<void> {
  const name = textOption(options, 'readyFile');
  if (name === null || !flagOption(options, 'untilRemoved')) return stopAsked(io.signal);
  const file = path.resolve(system.cwd, name);
  const ours = system.files.readText(file);
  while (!io.signal.aborted && system.files.readText(file) === ours) {
    await system.clock.sleep(LOOK_MS, io.signal);
  }
}

function portOf(text: string | null): number | null {
  if (text === null) return null;
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= MAX_PORT) return port;
  throw new UserError('usage', `--port takes a number from 0 to ${MAX_PORT}, not ${text}`, {
    remedy: 'spec-kitty receiver serve --help',
    exitCode: EXIT.refused,
  });
}

function rateOf(text: string | null): { readonly requestsPerSecond?: number } {
  if (text === null) return {};
  if (/^[1-9]\d{0,5}$/.test(text)) return { requestsPerSecond: Number(text) };
  throw new UserError('usage', `--rate takes a number from 1 to 999999, not ${text}`, {
    remedy: 'spec-kitty receiver serve --help',
    exitCode: EXIT.refused,
  });
}

function publicUrlOf(text: string | null): string | null {
  if (text === null) return null;
  const url = /^https?:\/\//.test(text) && URL.canParse(text) ? new URL(text) : null;
  if (url !== null && url.pathname === '/' && url.search === '') return url.origin;
  throw new UserError('usage', '--public-url takes https://HOST without a path', {
    remedy: 'spec-kitty receiver serve --help',
    exitCode: EXIT.refused,
  });
}
