import { AGAIN, connect, standingBlock } from '../../delivery/index.ts';
import type { Finding, HomeStatus, KnownProject } from '../../report/index.ts';
import type { Context } from '../io.ts';

/** What the active target of this project answered when it was asked who it is. */
export interface Ping {
  readonly word: string;
  readonly note: string | null;
  /** The command that ends it, where it is another one than trying again. */
  readonly remedy: string | null;
  /** The server of a connected project takes nobody's word for who we are. */
  readonly isLoggedOut: boolean;
}

const UNAUTHORIZED = 401;

/** Asks it; null where nobody named one, or where it is a file. */
export async function pingTarget({ home, io }: Context, status: HomeStatus): Promise<Ping | null> {
  const here = projectHere(status);
  if (here?.current == null || here.current.route.target.kind === 'stub') return null;
  const { target } = here.current.route;
  const isTeamspace = target.kind === 'teamspace';
  const connection = await connect(home, home.store(here.status.projectId), target);
  if (connection.kind === 'blocked') {
    const { reason, detail, remedy } = connection.blocked;
    const out = status.loginEnded === null ? 'Not authenticated' : 'Session expired';
    const word = reason === 'saas_disabled' ? 'Disabled' : out;
    return { word, note: detail, remedy, isLoggedOut: isTeamspace && reason === 'missing_auth' };
  }
  const probe = await connection.receiver.probe(io.signal);
  const plain = { remedy: null, isLoggedOut: false };
  if (probe.kind === 'health') return { word: 'Connected', note: null, ...plain };
  if (probe.kind === 'silent') {
    return { word: 'Unexpected', note: 'it does not say who it is', ...plain };
  }
  const { httpStatus, detail: note } = probe.stop;
  const isRefused = httpStatus === UNAUTHORIZED;
  const login = `spec-kitty auth login --server ${target.canonicalUrl} --force`;
  return {
    word: wordOf(httpStatus),
    note,
    remedy: isRefused && isTeamspace ? login : null,
    isLoggedOut: isRefused && isTeamspace,
  };
}

/** Whether the project at hand sends to a Teamspace server where nobody is logged in, as far as this machine knows. */
export function isLoggedOutHere({ home }: Context, status: HomeStatus): boolean {
  const here = projectHere(status);
  const route = here?.current?.route ?? null;
  if (here === null || route?.target.kind !== 'teamspace' || route.grantedAt === null) return false;
  const block = standingBlock(home, home.store(here.status.projectId), route, true);
  return block?.reason === 'missing_auth';
}

/** The project the question was asked in, where its own store answered. */
function projectHere({ projects }: HomeStatus): KnownProject | null {
  return projects.find(({ isHere, copied }) => isHere && copied === null) ?? null;
}

/** A receiver that does not say who it is may be in order all the same. */
const IN_ORDER: ReadonlySet<string> = new Set(['Connected', 'Disabled', 'Unexpected']);

/** Nobody is healthy whose server does not answer, or not to us. */
export function silence(ping: Ping | null): readonly Finding[] {
  if (ping === null || IN_ORDER.has(ping.word)) return [];
  const { word, note, remedy } = ping;
  const detail = `the active target: ${word}${note === null ? '' : ` (${note})`}`;
  return [{ code: 'receiver_silent', severity: 'waiting', detail, remedy: remedy ?? AGAIN }];
}

function wordOf(httpStatus: number | null): string {
  if (httpStatus === null) return 'Unreachable';
  if (httpStatus === UNAUTHORIZED) return 'Authentication failed';
  return httpStatus === 403 ? 'Permission denied' : 'Server unavailable';
}
