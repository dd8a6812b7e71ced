import { EXIT, UserError } from '../../base/index.ts';
import { activate, findDestination, listRoutes, type Destination } from '../../delivery/index.ts';
import {
  MODE_AXES,
  modeInForce,
  parseSyncMode,
  projectRoot,
  SYNC_MODES,
  writeConfig,
  type SyncMode,
} from '../../home/index.ts';
import { countDiscards } from '../../journal/index.ts';
import { parseEndpoint } from '../../receivers/index.ts';
import { fine, type Answer } from '../answer.ts';
import { grantEndpoint, NAME_A_RECEIVER, type Header } from '../consent.ts';
import { flagOption, listOption, textOption, type Context } from '../io.ts';
import { meaningLines, modeExit, modeJson, modeLines, type ModeView } from '../render/mode.ts';
import { openWorkspace, type Workspace } from '../workspace.ts';

/** `spec-kitty sync mode`: where events go, for this project, or outside of one for projects that never chose. */
export async function run(context: Context): Promise<Answer> {
  const [word] = context.args;
  const inProject = projectRoot(context.system) !== null;
  if (word === undefined) return inProject ? show(context) : showDefault(context);
  const mode = parseSyncMode(word);
  if (mode === null) {
    throw new UserError(
      'usage',
      `unknown sync mode '${word}'; expected one of ${SYNC_MODES.join(', ')}`,
      { remedy: 'spec-kitty sync mode --help' },
    );
  }
  return inProject ? setForProject(context, mode) : setDefault(context, mode);
}

async function setForProject(context: Context, mode: SyncMode): Promise<Answer> {
  const workspace = await openWorkspace(context);
  if (mode === 'EXTERNAL_RECEIVER') return setExternal(context, workspace);
  refuseEndpoint(context, mode);
  const { db, now } = workspace;
  activate(db, { mode, routeId: mode === 'TEAMSPACE' ? lastServer(workspace) : null }, now);
  const shown = await describe(context, workspace);
  return { ...shown, lines: [`✓ Event sync mode set to ${mode}`, ...shown.lines] };
}

/** The route to the server this project named last; a mode that was left and comes back goes on there. */
function lastServer(workspace: Workspace): number | null {
  const servers = listRoutes(workspace.db).filter(({ target }) => target.kind === 'teamspace');
  const granted = servers.filter((route) => route.grantedAt !== null);
  return granted.at(-1)?.id ?? servers.at(-1)?.id ?? null;
}

async function setExternal(context: Context, workspace: Workspace): Promise<Answer> {
  const text = requireEndpointText(context);
  const allowHttp = flagOption(context.options, 'allowHttp');
  const endpoint = parseEndpoint(text, { kind: 'external', allowHttp, cwd: context.system.cwd });
  const granted = grantEndpoint(context, workspace, {
    endpoint,
    mode: 'EXTERNAL_RECEIVER',
    by: 'sync mode',
    existing: null,
    allowHttp,
    headers: statedHeaders(context),
  });
  return fine({ mode: 'EXTERNAL_RECEIVER', source: 'project', ...granted.json }, [
    '✓ Event sync mode set to EXTERNAL_RECEIVER',
    ...granted.lines,
  ]);
}

async function setDefault(context: Context, mode: SyncMode): Promise<Answer> {
  const externalEndpoint = mode === 'EXTERNAL_RECEIVER' ? requireEndpointText(context) : null;
  if (mode !== 'EXTERNAL_RECEIVER') refuseEndpoint(context, mode);
  if (externalEndpoint !== null) {
    const allowHttp = flagOption(context.options, 'allowHttp');
    parseEndpoint(externalEndpoint, { kind: 'external', allowHttp, cwd: context.system.cwd });
  }
  await writeConfig(context.home, { mode, externalEndpoint });
  const view = await defaultView(context);
  return fine({ ...modeJson(view), endpoint: externalEndpoint }, [
    `✓ Event sync mode set to ${mode} for projects of this machine that never chose one`,
    ...meaningLines(mode, view),
    '  It grants nothing: inside a project, `spec-kitty sync opt-in` does.',
  ]);
}

async function show(context: Context): Promise<Answer> {
  return describe(context, await openWorkspace(context));
}

async function showDefault(context: Context): Promise<Answer> {
  const view = await defaultView(context);
  const { externalEndpoint } = await context.home.config();
  const json = { ...modeJson(view), endpoint: externalEndpoint.value };
  return { exit: modeExit(view), json, lines: modeLines(view) };
}

async function defaultView(context: Context): Promise<ModeView> {
  const { mode, optOutPolicy } = await context.home.config();
  return {
    ...modeInForce(null, mode.value),
    policy: optOutPolicy.value,
    discards: { audited: 0, discarded: 0 },
  };
}

/** The mode in force in a project, and where that sends its facts. */
async function describe(context: Context, { db }: Workspace): Promise<Answer> {
  const { home } = context;
  const destination = await findDestination(home, db, { processWideOverride: true });
  const { mode, source, endpoint, route } = destination;
  const policy = (await home.config()).optOutPolicy.value;
  const view = { mode, source, policy, discards: countDiscards(db) };
  const json = {
    ...modeJson(view),
    canonical_url: endpoint?.canonicalUrl ?? null,
    target_id: route?.target.publicId ?? null,
    granted: route?.grantedAt != null,
  };
  const lines = [...modeLines(view), ...targetLines(destination)];
  return { exit: modeExit(view), json, lines };
}

function targetLines({ mode, endpoint, route }: Destination): readonly string[] {
  if (mode === null || MODE_AXES[mode].delivery === 'none') return [];
  if (endpoint === null) return ['  No receiver is named yet: `spec-kitty sync server --help`.'];
  const target = [`  Target: ${endpoint.canonicalUrl}`];
  if (route?.grantedAt != null) return target;
  return [...target, '  Not permitted yet: run `spec-kitty sync opt-in`.'];
}

function requireEndpointText(context: Context): string {
  const text = textOption(context.options, 'endpoint');
  if (text !== null) return text;
  throw new UserError('endpoint_missing', 'EXTERNAL_RECEIVER needs --endpoint', {
    remedy: NAME_A_RECEIVER,
  });
}

function refuseEndpoint(context: Context, mode: SyncMode): void {
  if (textOption(context.options, 'endpoint') === null) return;
  throw new UserError('usage', `--endpoint goes with EXTERNAL_RECEIVER, not with ${mode}`, {
    remedy: 'spec-kitty sync mode --help',
    exitCode: EXIT.refused,
  });
}

/** The headers to configure; null keeps those of before. */
function statedHeaders(context: Context): readonly Header[] | null {
  const stated = listOption(context.options, 'headerEnv').map(parseHeader);
  return stated.length === 0 && context.options['headers'] !== false ? null : stated;
}

function parseHeader(text: string): Header {
  const match = /^([A-Za-z0-9-]{1,64})=([A-Za-z_][A-Za-z0-9_]{0,127})$/.exec(text);
  const [, name, envVar] = match ?? [];
  if (name !== undefined && envVar !== undefined) return { name, envVar };
  // What stands there may be a secret by mistake, so it is not repeated.
  throw new UserError(
    'usage',
    '--header-env takes NAME=VARIABLE, the name of a variable and not its value',
    {
      remedy: 'spec-kitty sync mode --help',
      exitCode: EXIT.refused,
    },
  );
}
