import { EXIT, UserError } from '../../base/index.ts';
import { findDestination, type Destination } from '../../delivery/index.ts';
import { currentSyncTarget, projectRoot, targetToWire, writeConfig } from '../../home/index.ts';
import { parseEndpoint } from '../../receivers/index.ts';
import { fine, type Answer } from '../answer.ts';
import { grantEndpoint } from '../consent.ts';
import { flagOption, type Context } from '../io.ts';
import { openWorkspace } from '../workspace.ts';

/** `spec-kitty sync server`: the Teamspace server, of this project or the machine's default outside of one. */
export async function run(context: Context): Promise<Answer> {
  const [url] = context.args;
  if (url === undefined) return show(context);
  return projectRoot(context.system) === null
    ? setDefault(context, url)
    : setForProject(context, url);
}

async function setForProject(context: Context, url: string): Promise<Answer> {
  const workspace = await openWorkspace(context);
  const { home } = context;
  const destination = await findDestination(home, workspace.db, {
    processWideOverride: false,
    flagServerUrl: url,
  });
  const endpoint = parseServer(context, url);
  if (destination.mode === 'EXTERNAL_RECEIVER' && destination.source === 'project') {
    return keepExternal(context, endpoint.canonicalUrl, destination);
  }
  const granted = grantEndpoint(context, workspace, {
    endpoint,
    mode: 'TEAMSPACE',
    by: 'sync server',
    existing: destination.route,
    allowHttp: flagOption(context.options, 'allowHttp'),
  });
  return fine({ server_url: endpoint.canonicalUrl, ...granted.json }, [
    `✓ Sync server set to ${endpoint.canonicalUrl} for this project`,
    ...granted.lines,
    ...modeChange(destination),
    `  Log in with \`${loginAt(endpoint.canonicalUrl)}\`.`,
  ]);
}

/** Naming a server inside a project chooses the mode that delivers there. */
function modeChange({ mode, source }: Destination): readonly string[] {
  if (mode === 'TEAMSPACE' || source === 'default') return [];
  return [`  The mode of this project is TEAMSPACE now; it was ${mode ?? 'unknown'}.`];
}

async function keepExternal(
  context: Context,
  url: string,
  destination: Destination,
): Promise<Answer> {
  await writeConfig(context.home, { serverUrl: url });
  const active = destination.endpoint?.canonicalUrl ?? 'another receiver';
  return fine({ server_url: url, active_target: active }, [
    `✓ Sync server set to ${url} in ${context.home.paths.config}`,
    `  The active target of this project is another one and stays: ${active} (EXTERNAL_RECEIVER).`,
    '  To send to the server, run `spec-kitty sync mode TEAMSPACE`, then `spec-kitty sync opt-in`.',
  ]);
}

async function setDefault(context: Context, url: string): Promise<Answer> {
  await currentSyncTarget(context.home, { processWideOverride: false, flagServerUrl: url });
  const { canonicalUrl } = parseServer(context, url);
  await writeConfig(context.home, { serverUrl: canonicalUrl });
  return fine({ server_url: canonicalUrl, config_file: context.home.paths.config }, [
    `✓ Sync server set to ${canonicalUrl}`,
    `  It is offered to projects without one and grants nothing: inside a project, run \`spec-kitty sync opt-in\`.`,
    `  Log in with \`${loginAt(canonicalUrl)}\`.`,
  ]);
}

async function show(context: Context): Promise<Answer> {
  const { home } = context;
  const authority =
    projectRoot(context.system) === null
      ? await currentSyncTarget(home, { processWideOverride: true })
      : (
          await findDestination(home, (await openWorkspace(context)).db, {
            processWideOverride: true,
          })
        ).authority;
  const { resolvedServerUrl, overrideMode, configuredServerUrl } = authority;
  const lines = [
    `Server URL: ${resolvedServerUrl ?? '<unset>'}`,
    `Config File: ${home.paths.config}`,
  ];
  if (overrideMode !== 'none') {
    lines.push(
      `  SPEC_KITTY_SAAS_URL overrides ${configuredServerUrl ?? '<unset>'} for this process`,
    );
  }
  return fine({ ...targetToWire(authority), config_file: home.paths.config }, lines);
}

function parseServer(context: Context, url: string): ReturnType<typeof parseEndpoint> {
  const allowHttp = flagOption(context.options, 'allowHttp');
  const endpoint = parseEndpoint(url, { kind: 'teamspace', allowHttp, cwd: context.system.cwd });
  if (endpoint.kind === 'teamspace') return endpoint;
  throw new UserError('invalid_url', 'a server is an address, a stub goes with `sync mode`', {
    remedy: 'spec-kitty sync mode EXTERNAL_RECEIVER --endpoint stub:events.ndjson',
    exitCode: EXIT.failed,
  });
}

function loginAt(url: string): string {
  return `spec-kitty auth login --server ${url}`;
}
