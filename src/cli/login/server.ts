import { EXIT, UserError } from '../../base/index.ts';
import { findDestination } from '../../delivery/index.ts';
import { currentSyncTarget, projectRoot } from '../../home/index.ts';
import { parseEndpoint } from '../../receivers/index.ts';
import { NAME_A_RECEIVER } from '../consent.ts';
import { flagOption, textOption, type Context } from '../io.ts';
import { openWorkspace } from '../workspace.ts';

/**
 * The server of this process: the one named here, else what is resolved for the project at hand or the machine.
 * @throws UserError `target_unresolved` (exit 5); `insecure_url`, because plain http stays on this machine.
 */
export async function requireServer(context: Context): Promise<string> {
  const server = await findServer(context);
  if (server !== null) return server;
  throw new UserError('target_unresolved', 'no server is named', {
    remedy: NAME_A_RECEIVER,
    exitCode: EXIT.unconfigured,
  });
}

/** The same; null where nobody named one. */
export async function findServer(context: Context): Promise<string | null> {
  const flagServerUrl = textOption(context.options, 'server');
  const authority =
    flagServerUrl === null && projectRoot(context.system) !== null
      ? (
          await findDestination(context.home, (await openWorkspace(context)).db, {
            processWideOverride: true,
          })
        ).authority
      : await currentSyncTarget(context.home, { processWideOverride: true, flagServerUrl });
  if (authority.resolvedServerUrl === null) return null;
  const allowHttp = flagOption(context.options, 'allowHttp');
  const endpoint = parseEndpoint(authority.resolvedServerUrl, {
    kind: 'teamspace',
    allowHttp,
    cwd: context.system.cwd,
  });
  return endpoint.canonicalUrl;
}
