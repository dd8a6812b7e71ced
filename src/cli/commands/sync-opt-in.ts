import { findDestination, findTarget, routeTo } from '../../delivery/index.ts';
import { parseEndpoint } from '../../receivers/index.ts';
import { fine, type Answer } from '../answer.ts';
import { grantEndpoint, requireEndpoint } from '../consent.ts';
import { flagOption, textOption, type Context } from '../io.ts';
import { openWorkspace, type Workspace } from '../workspace.ts';

/** `spec-kitty sync opt-in`: permits sending this project, as captured in this checkout, to its target. */
export async function run(context: Context): Promise<Answer> {
  const workspace = await openWorkspace(context);
  const reference = textOption(context.options, 'target');
  const granted =
    reference === null
      ? await grantActive(context, workspace)
      : grantNamed(context, workspace, reference);
  return fine(granted.json, granted.lines);
}

async function grantActive(
  context: Context,
  workspace: Workspace,
): Promise<ReturnType<typeof grantEndpoint>> {
  const destination = await findDestination(context.home, workspace.db, {
    processWideOverride: true,
  });
  return grantEndpoint(context, workspace, {
    endpoint: requireEndpoint(destination),
    mode: destination.mode ?? 'TEAMSPACE',
    by: 'sync opt-in',
    existing: destination.route,
    allowHttp:
      flagOption(context.options, 'allowHttp') || (destination.route?.target.allowHttp ?? false),
  });
}

function grantNamed(
  context: Context,
  workspace: Workspace,
  reference: string,
): ReturnType<typeof grantEndpoint> {
  const target = findTarget(workspace.db, reference, context.system.cwd);
  const isTeamspace = target.kind === 'teamspace';
  const endpoint = parseEndpoint(target.kind === 'stub' ? target.canonicalUrl : target.postUrl, {
    kind: isTeamspace ? 'teamspace' : 'external',
    allowHttp: target.allowHttp,
    cwd: context.system.cwd,
  });
  return grantEndpoint(context, workspace, {
    endpoint,
    mode: null,
    by: 'sync opt-in',
    existing: routeTo(workspace.db, target.id),
    allowHttp: target.allowHttp,
  });
}
