import { EXIT, printable, UserError } from '../../base/index.ts';
import {
  askByPassword,
  askPerson,
  logInByDevice,
  privateTeam,
  saveSession,
  type DeviceCode,
  type HttpReply,
  type Issued,
  type Person,
  type Session,
} from '../../home/index.ts';
import { HEADERS, parseHealth, PATHS } from '../../wire/index.ts';
import { readAll } from '../input.ts';
import { flagOption, textOption, type Context } from '../io.ts';

/** A login that was kept, and whether the server could be asked who it belongs to. */
export interface LoggedIn {
  readonly session: Session;
  readonly isChecked: boolean;
}

const MAX_SECRET_BYTES = 16_384;
const CHECK_DEADLINE_MS = 5_000;
const MAX_ANSWER_BYTES = 65_536;

/**
 * Logs in at a server the way the options name; on a terminal without any, by a code where the server offers it, else
 * by name and password.
 * @throws UserError `usage` (exit 2: nobody can answer), `token_refused`, `login_refused`, `receiver_unreachable`.
 */
export async function logIn(context: Context, server: string): Promise<LoggedIn> {
  const { options } = context;
  if (flagOption(options, 'tokenStdin')) return byToken(context, server);
  const hasName = textOption(options, 'username') !== null;
  if (hasName || flagOption(options, 'passwordStdin')) return byPassword(context, server);
  const isHeadless = flagOption(options, 'headless');
  if (!isHeadless && !context.io.stdin.isTTY) throw nobodyAnswers();
  const kept = await byCode(context, server);
  if (kept !== null) return kept;
  if (!isHeadless) return byPassword(context, server);
  throw new UserError('login_refused', `${server} does not offer a login by code`, {
    remedy: `spec-kitty auth login --server ${server} --token-stdin`,
  });
}

function nobodyAnswers(): UserError {
  return new UserError(
    'usage',
    'there is no terminal to ask on: add --token-stdin, --headless, or --username with --password-stdin',
    { remedy: 'spec-kitty auth login --help', exitCode: EXIT.refused },
  );
}

/** A refused token is not kept; a server that is out of reach is no reason to lose one. */
async function byToken(context: Context, server: string): Promise<LoggedIn> {
  const token = (await readAll(context, '-', MAX_SECRET_BYTES)).toString('utf8').trim();
  const reply = await context.home.http.send({
    method: 'GET',
    url: `${server}${PATHS.health}`,
    headers: { [HEADERS.authorization]: `Bearer ${token}` },
    body: null,
    deadlineMs: CHECK_DEADLINE_MS,
    maxResponseBytes: MAX_ANSWER_BYTES,
  });
  if (reply.kind === 'response' && (reply.status === 401 || reply.status === 403)) {
    throw new UserError('token_refused', `${server} refuses this token; it was not kept`, {
      remedy: null,
    });
  }
  const isFine = reply.kind === 'response' && reply.status === 200;
  const health = isFine ? parseHealth(reply.body) : null;
  const identity = health?.ok === true ? health.value.identity : null;
  const team = identity?.team ?? textOption(context.options, 'team');
  const login = { kind: 'machine', team, user: identity?.user ?? null } as const;
  const session = await saveSession(context.home, server, login, { token, refresh: null });
  return { session, isChecked: health?.ok === true };
}

async function byPassword(context: Context, server: string): Promise<LoggedIn> {
  const { home, io, options } = context;
  const username = textOption(options, 'username') ?? (await io.ask('Username: '));
  const password = flagOption(options, 'passwordStdin')
    ? (await readAll(context, '-', MAX_SECRET_BYTES)).toString('utf8').replace(/\r?\n$/, '')
    : await io.ask(`Password for ${printable(username ?? '')}: `, { secret: true });
  if (username === null || password === null) throw nobodyAnswers();
  const asked = await askByPassword(home, server, { username: username.trim(), password });
  if (asked.kind === 'refused') throw refused(server, asked.reply);
  return keep(context, server, { kind: 'password', user: username.trim(), issued: asked.value });
}

/** Null where the server does not offer it. */
async function byCode(context: Context, server: string): Promise<LoggedIn | null> {
  const { home, io } = context;
  const outcome = await logInByDevice(home, server, {
    show: (code) => {
      for (const line of codeLines(server, code)) io.stderr.write(`${line}\n`);
    },
    signal: io.signal,
  });
  if (outcome.kind === 'not_offered') return null;
  if (outcome.kind === 'given') {
    return keep(context, server, { kind: 'device', user: null, issued: outcome.value });
  }
  throw new UserError(
    'login_refused',
    `nobody was logged in at ${server}: ${printable(outcome.reason, 300)}`,
    {
      remedy: `spec-kitty auth login --server ${server}`,
      exitCode: io.signal.aborted ? EXIT.interrupted : EXIT.failed,
    },
  );
}

function codeLines(server: string, code: DeviceCode): readonly string[] {
  const grouped = /^[A-Za-z0-9]+$/.test(code.userCode)
    ? code.userCode.replaceAll(/(.{4})(?=.)/g, '$1-')
    : code.userCode;
  return [
    `Server: ${server}`,
    `Visit:  ${printable(code.verificationUri)}`,
    `Code:   ${printable(grouped)}`,
    ...(code.verificationUriComplete === null
      ? []
      : [`Or open: ${printable(code.verificationUriComplete)}`]),
    'Waiting for somebody to confirm it there …',
  ];
}

/** Asks who it is and keeps the login under that name. */
async function keep(
  context: Context,
  server: string,
  login: {
    readonly kind: 'password' | 'device';
    readonly user: string | null;
    readonly issued: Issued;
  },
): Promise<LoggedIn> {
  const { issued, kind } = login;
  const asked = await askPerson(context.home, server, issued.secrets.token);
  const person = asked.kind === 'given' ? asked.value : null;
  if (person?.teams.length === 0) {
    throw new UserError('login_refused', `${printable(person.email)} belongs to no team there`, {
      remedy: null,
    });
  }
  const session = await saveSession(
    context.home,
    server,
    {
      kind,
      ...(person === null ? { team: issued.team, user: login.user } : named(person)),
      sessionId: issued.sessionId,
      accessExpiresAt: issued.accessExpiresAt,
      refreshExpiresAt: issued.refreshExpiresAt,
    },
    issued.secrets,
  );
  return { session, isChecked: person !== null };
}

function named(person: Person): Pick<Session, 'team' | 'user' | 'userId' | 'teams'> {
  const { email, userId, teams } = person;
  return { team: privateTeam(person), user: email, userId, teams };
}

function refused(server: string, reply: HttpReply): UserError {
  if (reply.kind === 'failure') {
    const why = `${reply.reason}: ${printable(reply.detail, 300)}`;
    return new UserError('receiver_unreachable', `cannot reach ${server} (${why})`, {
      remedy: `spec-kitty auth login --server ${server}`,
    });
  }
  const { status } = reply;
  if (status === 401) {
    return new UserError('login_refused', `${server} refuses this name and password`, {
      remedy: `spec-kitty auth login --server ${server}`,
    });
  }
  const word =
    status === 502 || status === 503 || status === 504
      ? 'is temporarily unavailable'
      : status === 200
        ? 'answers without tokens'
        : 'does not log anybody in by password';
  return new UserError('login_refused', `${server} ${word} (HTTP ${status})`, {
    remedy: `spec-kitty auth login --server ${server} --token-stdin`,
  });
}
