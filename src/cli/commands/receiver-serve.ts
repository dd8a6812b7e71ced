import path from 'node:path';
import { createLog, EXIT, UserError } from '../../base/index.ts';
import { fine, type Answer } from '../answer.ts';
import { flagOption, textOption, type Context } from '../io.ts';
import { withStore } from './receiver-store.ts';

const MAX_PORT = 65_535;

/** `spec-kitty receiver serve`: answers until the process is asked to stop. */
export async function run(context: Context): Promise<Answer> {
  const { io, system } = context;
  const { serve } = await import('../../server/index.ts');
  return withStore(context, async (store) => {
    const port = portOf(textOption(context.options, 'port'));
    const host = textOption(context.options, 'host');
    const ready = textOption(context.options, 'readyFile');
    const receiver = await serve(store, {
      clock: system.clock,
      log: createLog(system.clock, (line) => {
        io.stderr.write(line);
      }),
      isStrict: flagOption(context.options, 'strict'),
      deployment: {
        deploymentId: system.env['SPEC_KITTY_DEPLOYMENT_ID'] ?? null,
        environmentName: system.env['SPEC_KITTY_ENVIRONMENT'] ?? null,
        gitSha: system.env['SPEC_KITTY_GIT_SHA'] ?? null,
      },
      ...(host === null ? {} : { host }),
      ...(port === null ? {} : { port }),
      ...(ready === null ? {} : { readyFile: readyFile(context, ready) }),
    });
    announce(context, receiver.url, store.path);
    await stopAsked(io.signal);
    await receiver.close();
    return fine({ url: receiver.url, server_instance_id: receiver.instanceId, stopped: true }, ['Stopped.']);
  });
}

function announce(context: Context, url: string, file: string): void {
  if (flagOption(context.options, 'json')) return;
  const { stdout } = context.io;
  stdout.write(`Receiver listens on ${url}\n  Store ${file}\n  Stop it with Ctrl-C.\n`);
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

function portOf(text: string | null): number | null {
  if (text === null) return null;
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= MAX_PORT) return port;
  throw new UserError('usage', `--port takes a number from 0 to ${MAX_PORT}, not ${text}`, {
    remedy: 'spec-kitty receiver serve --help',
    exitCode: EXIT.refused,
  });
}
