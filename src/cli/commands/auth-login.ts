import { EXIT, UserError } from '../../base/index.ts';
import { claimRoutes, findDestination } from '../../delivery/index.ts';
import { currentSyncTarget, projectRoot, saveSession } from '../../home/index.ts';
import { parseEndpoint } from '../../receivers/index.ts';
import { parseHealth, PATHS } from '../../wire/index.ts';
import { fine, type Answer } from '../answer.ts';
import { NAME_A_RECEIVER } from '../consent.ts';
import { readAll } from '../input.ts';
import { flagOption, textOption, type Context } from '../io.ts';
import { openWorkspace } from '../workspace.ts';

const MAX_TOKEN_BYTES = 16_384;
const CHECK_DEADLINE_MS = 5_000;
const MAX_ANSWER_BYTES = 65_536;

interface Identity {
  readonly team: string | null;
  readonly user: string | null;
  /** False when the server could not be asked. */
  readonly isChecked: boolean;
}

/** `spec-kitty auth login --token-stdin`: keeps a machine token for exactly one origin. */
export async function run(context: Context): Promise<Answer> {
  if (!flagOption(context.options, 'tokenStdin')) {
    throw new UserError(
      'usage',
      'only tokens from standard input are understood: add --token-stdin',
      {
        remedy: 'spec-kitty auth login --help',
        exitCode: EXIT.refused,
      },
    );
  }
  const server = await serverOf(context);
  const token = (await readAll(context, '-', MAX_TOKEN_BYTES)).toString('utf8').trim();
  const asked = await askServer(context, server, token);
  const team = asked.team ?? textOption(context.options, 'team');
  const session = saveSession(context.home, server, { token, team, user: asked.user });
  const claimed = await claim(context, session.origin, {
    team: team ?? '',
    user: asked.user ?? '',
  });
  return fine(
    { origin: session.origin, team, user: asked.user, checked: asked.isChecked, ...claimed.json },
    [
      `✓ Token kept for ${session.origin} in ${context.home.paths.session} (readable by you alone)`,
      asked.isChecked
        ? `  The server knows it${team === null ? '' : ` as team ${team}`}.`
        : '  The server could not be asked; the token is unchecked.',
      ...claimed.lines,
    ],
  );
}

/** The server of this process: the one named here, else what is resolved; plain http stays on this machine. */
async function serverOf(context: Context): Promise<string> {
  const flagServerUrl = textOption(context.options, 'server');
  const authority =
    flagServerUrl === null && projectRoot(context.system) !== null
      ? (
          await findDestination(context.home, (await openWorkspace(context)).db, {
            processWideOverride: true,
          })
        ).authority
      : await currentSyncTarget(context.home, { processWideOverride: true, flagServerUrl });
  if (authority.resolvedServerUrl === null) {
    throw new UserError('target_unresolved', 'no server is named', {
      remedy: NAME_A_RECEIVER,
      exitCode: EXIT.unconfigured,
    });
  }
  const allowHttp = flagOption(context.options, 'allowHttp');
  const endpoint = parseEndpoint(authority.resolvedServerUrl, {
    kind: 'teamspace',
    allowHttp,
    cwd: context.system.cwd,
  });
  return endpoint.canonicalUrl;
}

/** A refused token is not kept; a server that is out of reach is no reason to lose one. */
async function askServer(context: Context, server: string, token: string): Promise<Identity> {
  const reply = await context.home.http.send({
    method: 'GET',
    url: `${server}${PATHS.health}`,
    headers: { authorization: `Bearer ${token}` },
    body: null,
    deadlineMs: CHECK_DEADLINE_MS,
    maxResponseBytes: MAX_ANSWER_BYTES,
  });
  if (reply.kind === 'failure') return { team: null, user: null, isChecked: false };
  if (reply.status === 401 || reply.status === 403) {
    throw new UserError('token_refused', `${server} refuses this token; it was not kept`, {
      remedy: null,
    });
  }
  const health = reply.status === 200 ? parseHealth(reply.body) : null;
  if (health === null || !health.ok) return { team: null, user: null, isChecked: false };
  const { identity } = health.value;
  return { team: identity?.team ?? null, user: identity?.user ?? null, isChecked: true };
}

interface Claimed {
  readonly json: Readonly<Record<string, unknown>>;
  readonly lines: readonly string[];
}

/** Grants that were made before anybody was logged in belong to the first login that says so. */
async function claim(
  context: Context,
  origin: string,
  owner: { readonly team: string; readonly user: string },
): Promise<Claimed> {
  const { home, system, io } = context;
  const unclaimed = home
    .projectIds()
    .map((id) => home.store(id))
    .filter((db) => claimRoutes(db, { origin, owner, now: system.clock.now(), dryRun: true }) > 0);
  if (unclaimed.length === 0) return { json: { claimed: 0, unclaimed: 0 }, lines: [] };
  const question = `${unclaimed.length} project(s) were pointed at ${origin} before. Send them under this login? [y/N] `;
  const isWanted =
    flagOption(context.options, 'claim') ||
    /^y(es)?$/i.test(((await io.ask(question)) ?? '').trim());
  if (!isWanted) {
    return {
      json: { claimed: 0, unclaimed: unclaimed.length },
      lines: [
        `  ${unclaimed.length} project(s) were pointed at it before anybody was logged in and wait for --claim.`,
      ],
    };
  }
  for (const db of unclaimed)
    claimRoutes(db, { origin, owner, now: system.clock.now(), dryRun: false });
  return {
    json: { claimed: unclaimed.length, unclaimed: 0 },
    lines: [
      `  ${unclaimed.length} project(s) that were pointed at it before now belong to this login.`,
    ],
  };
}
