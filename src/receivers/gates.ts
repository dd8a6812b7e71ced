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

export type BlockedReason = (typeof BLOCKED_REASONS)[number];

/** A closed gate: its name, what is the matter in one line, and the command that opens it. */
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
  readonly session: { readonly team: string | null } | null;
  /** Whether the target names a team or user. */
  readonly claimed: boolean;
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
      remedy: null,
    };
  }
  return facts.kind === 'teamspace' ? checkTeamspace(facts) : null;
}

function checkTeamspace(facts: GateFacts): Blocked | null {
  const login = `spec-kitty auth login --server ${facts.origin ?? ''} --token-stdin`;
  if (!facts.saasEnabled) {
    return {
      reason: 'saas_disabled',
      detail:
        'Hosted SaaS sync is not enabled on this machine. Set `SPEC_KITTY_ENABLE_SAAS_SYNC=1` to opt in.',
      remedy: null,
    };
  }
  if (facts.session === null) {
    return { reason: 'missing_auth', detail: 'nobody is logged in at this server', remedy: login };
  }
  if (facts.session.team === null) {
    return { reason: 'missing_team', detail: 'the login belongs to no team', remedy: login };
  }
  if (!facts.claimed) {
    return {
      reason: 'missing_auth',
      detail: 'the grant was made before anybody was logged in and is not claimed yet',
      remedy: `${login} --claim`,
    };
  }
  return null;
}
