import { sha256Hex, uuidV5, type Clock } from '../base/index.ts';

/** One event of this run. */
export interface Fact {
  readonly id: string;
  readonly bytes: Buffer;
}

/** Members that stand in an envelope instead of the usual ones; undefined leaves one out. */
export type Members = Readonly<Record<string, unknown>>;

/** Makes events that no receiver has seen: their ids follow from the run's project alone. */
export interface Facts {
  /** A valid event of a known type with a valid payload, and a new id. */
  next(members?: Members): Fact;
  /** A name that no other part of the run uses. */
  name(): string;
}

/** The spellings that an event's id may have. */
export const SPELLINGS = {
  uuid: (uuid: string) => uuid,
  hex: (uuid: string) => uuid.replaceAll('-', ''),
  ulid: (uuid: string) => `01${crockford(sha256Hex(uuid)).slice(0, 24)}`,
} as const;

/** Facts of one project. */
export function createFacts(project: string, clock: Clock): Facts {
  let count = 0;
  return {
    name: () => {
      count += 1;
      return `conformance-${count}`;
    },
    next: (members = {}) => {
      count += 1;
      const id = SPELLINGS.uuid(uuidV5(project, `event ${count}`));
      const envelope = {
        event_id: id,
        event_type: 'WPAssigned',
        aggregate_id: 'WP01',
        aggregate_type: 'WorkPackage',
        payload: { wp_id: 'WP01', agent_id: 'conformance', phase: 'implementation' },
        node_id: 'conformance0',
        lamport_clock: count,
        causation_id: null,
        timestamp: new Date(clock.now()).toISOString(),
        team_slug: null,
        project_uuid: project,
        project_slug: 'conformance',
        git_branch: null,
        head_commit_sha: null,
        repo_slug: null,
        ...members,
      };
      const stated = envelope.event_id;
      return { id: stated, bytes: Buffer.from(JSON.stringify(envelope)) };
    },
  };
}

const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** A digit of base 32 for each two of base 16. */
function crockford(hex: string): string {
  return [...Buffer.from(hex, 'hex')].map((byte) => DIGITS[byte % 32] ?? '0').join('');
}
