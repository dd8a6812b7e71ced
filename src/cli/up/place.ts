import { EXIT, UserError } from '../../base/index.ts';
import { findDestination, listRoutes, type Route } from '../../delivery/index.ts';
import { MODE_AXES, type SyncMode } from '../../home/index.ts';
import { parseEndpoint, type Endpoint } from '../../receivers/index.ts';
import { flagOption, textOption, type Context } from '../io.ts';
import { localAddress } from '../local-receiver/running.ts';
import type { Workspace } from '../workspace.ts';

/** Where the facts of this project are to go. */
export interface Place {
  /** The receiver of this home, which may have to be started first. */
  readonly isLocal: boolean;
  /** Null for a receiver of this home that never had an address. */
  readonly endpoint: Endpoint | null;
  readonly mode: SyncMode;
  /** The route the project has there already. */
  readonly route: Route | null;
  /** It is where the project sends by now. */
  readonly isActive: boolean;
}

export const LOCAL = 'local';
const UP_LOCAL = 'spec-kitty up --yes --receiver local';

/**
 * The place that `--receiver` names, else where the project sends already, else what a person answers.
 * @throws UserError `target_unresolved` (exit 5), `mode_unavailable`, `invalid_url`, `insecure_url`.
 */
export async function findPlace(context: Context, workspace: Workspace): Promise<Place> {
  const named = textOption(context.options, 'receiver');
  const { home } = context;
  const active = await findDestination(home, workspace.db, { processWideOverride: true });
  const { mode, endpoint, route } = active;
  if (named === null && endpoint !== null && mode !== null) {
    const isLocal = endpoint.canonicalUrl === localAddress(home);
    return { isLocal, endpoint, mode, route, isActive: true };
  }
  if (named === null) requireSending(mode);
  const text = named ?? (await askPlace(context));
  const isLocal = text === LOCAL;
  const address = isLocal ? localAddress(home) : text;
  const chosen = address === null ? null : parseAddress(context, address);
  const there = chosen === null ? null : routeAt(workspace, chosen);
  const isActive = route !== null && route.id === there?.id && mode !== null;
  return { isLocal, endpoint: chosen, mode: 'EXTERNAL_RECEIVER', route: there, isActive };
}

/** An endpoint as an operator names it. */
export function parseAddress(context: Context, address: string): Endpoint {
  const allowHttp = flagOption(context.options, 'allowHttp');
  return parseEndpoint(address, { kind: 'external', allowHttp, cwd: context.system.cwd });
}

/** The route of the project to an endpoint, or null. */
export function routeAt({ db }: Workspace, { canonicalUrl }: Endpoint): Route | null {
  return listRoutes(db).find(({ target }) => target.canonicalUrl === canonicalUrl) ?? null;
}

/** A mode that sends nothing was chosen by somebody; only who names a receiver changes it. */
function requireSending(mode: SyncMode | null): void {
  if (mode !== null && MODE_AXES[mode].delivery !== 'none') return;
  throw new UserError('mode_unavailable', `the mode ${mode ?? '(unknown)'} sends nothing`, {
    remedy: UP_LOCAL,
  });
}

async function askPlace({ io }: Context): Promise<string> {
  const answer = await io.ask(
    'Where shall this project be sent? An address, or Enter for a receiver on this machine: ',
  );
  if (answer !== null) return answer.trim() === '' ? LOCAL : answer.trim();
  throw new UserError('target_unresolved', 'no receiver is named for this project', {
    remedy: UP_LOCAL,
    exitCode: EXIT.unconfigured,
  });
}
