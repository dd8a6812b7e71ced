/** Why nothing leaves on a route: one vocabulary for status, `sync now` and the stored route. */
export const BLOCKED_REASONS = [
  'saas_disabled',
  'missing_auth',
  'missing_team',
  'private_teamspace_gate',
  'endpoint_missing',
  'mode_without_delivery',
  'receiver_reset',
  'halted',
  'daemon_lock',
  'network_unavailable',
] as const;

/** Those that a look at this machine decides, without asking anybody. */
const GATES: ReadonlySet<string> = new Set([
  'saas_disabled',
  'missing_auth',
  'missing_team',
  'private_teamspace_gate',
]);

/** Whether a reason is one of the gates: it goes when its cause goes, without anything being sent. */
export function isGate(reason: string): boolean {
  return GATES.has(reason);
}

export type BlockedReason = (typeof BLOCKED_REASONS)[number];

/**
 * A closed gate: its name, what is the matter in one line, and the command that opens it. What the environment lacks is
 * given by the shell it is typed in.
 */
export interface Blocked {
  readonly reason: BlockedReason;
  readonly detail: string;
  readonly remedy: string | null;
}

/** What the gates look at; gathered before, without network. */
export interface GateFacts {
  readonly kind: 'teamspace' | 'external' | 'stub';
  /** Scheme, host and port of the target; null for a stub. */
  readonly origin: string | null;
  /** SPEC_KITTY_ENABLE_SAAS_SYNC. */
  readonly saasEnabled: boolean;
  /** The login at that origin, whatever has become of it; null when there never was one. */
  readonly session: {
    readonly team: string | null;
    readonly user: string | null;
    /** The teams it belongs to; only a private one is ever sent to. */
    readonly teams: readonly unknown[];
  } | null;
  /** The operator brings a token of another make, which speaks for whom it was made. */
  readonly hasOwnToken?: boolean;
  /** Why nobody is logged in there, null while somebody is. */
  readonly loggedOut: string | null;
  /** Whose the target is; both empty while nobody claimed it. */
  readonly owner: { readonly team: string; readonly user: string };
  /** Environment variables that headers are configured to be read from and that are not set. */
  readonly missingHeaderVariables: readonly string[];
}

/**
 * Whether a receiver may speak at all: null, or the first closed gate. A stub has none; an external receiver
 * needs the variables of its headers; the Teamspace needs rollout flag, login, team and a claimed grant.
 */
export function checkGates(facts: GateFacts): Blocked | null {
  const [missing] = facts.missingHeaderVariables;
  if (missing !== undefined) {
    return {
      reason: 'missing_auth',
      detail: `a header is to be read from ${missing}, which is not set`,
      remedy: `read -rs ${missing} && export ${missing}`,
    };
  }
  return facts.kind === 'teamspace' ? checkTeamspace(facts) : null;
}

function checkTeamspace(facts: GateFacts): Blocked | null {
  const { session, owner, loggedOut, origin } = facts;
  const login = `spec-kitty auth login --server ${origin ?? ''}`;
  if (!facts.saasEnabled) {
    return {
      reason: 'saas_disabled',
      detail:
        'Hosted SaaS sync is not enabled on this machine. Set `SPEC_KITTY_ENABLE_SAAS_SYNC=1` to opt in.',
      remedy: 'export SPEC_KITTY_ENABLE_SAAS_SYNC=1',
    };
  }
  if (facts.hasOwnToken === true) return null;
  if (session === null || loggedOut !== null) {
    const detail = loggedOut ?? 'nobody is logged in at this server';
    return { reason: 'missing_auth', detail, remedy: login };
  }
  if (session.team === null) return withoutTeam(session, `${login} --force`);
  if (owner.team === '' && owner.user === '') {
    return {
      reason: 'missing_auth',
      detail: 'the grant was made before anybody was logged in and is not claimed yet',
      remedy: `${login} --claim`,
    };
  }
  if (owner.team === session.team && owner.user === (session.user ?? '')) return null;
  return {
    reason: 'missing_auth',
    detail: `this target is ${nameOf(owner)}'s, and ${nameOf(session)} is logged in; what was permitted to one is never sent as the other`,
    remedy: `${login} --force`,
  };
}

function nameOf(each: { readonly team: string | null; readonly user: string | null }): string {
  return [each.user, each.team].filter((part) => part !== null && part !== '').join(' of team ');
}

function withoutTeam({ teams }: NonNullable<GateFacts['session']>, remedy: string): Blocked {
  return teams.length === 0
    ? { reason: 'missing_team', detail: 'the login belongs to no team', remedy }
    : {
        reason: 'private_teamspace_gate',
        detail:
          'the login does not speak for a private team, and nothing is ever sent to a shared one',
        remedy,
      };
}
