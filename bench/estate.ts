import { hash } from 'node:crypto';
import { operatorScope } from '../src/server/auth.ts';
import { type Store } from '../src/server/index.ts';
import { ingest } from '../src/server/ingest.ts';
import type { Turn } from '../src/server/sharing/line.ts';
import { encodeEnvelope, type EventId, type ProjectId } from '../src/wire/index.ts';

const BATCH = 1_000;
const MISSIONS = 50;
const PRODUCERS = 40;
const PACKAGES = 12;
const DAY_MS = 86_400_000;
const DAYS = 30;
const LANES = ['planned', 'claimed', 'in_progress', 'for_review', 'in_review', 'approved', 'done'];

/** The projects of the estate. */
export const PROJECTS: readonly ProjectId[] = Array.from(
  { length: 5 },
  (_, n) => `3f2b8c64-9d0e-4a51-8c77-2b1f6e5d4c${10 + n}` as ProjectId,
);

/** One event that every estate has. */
export const someEvent = { id: idOf(0), project: projectOf(0) };

const atOnce: Turn = async (work) => work();
const turns = { judging: atOnce, storing: atOnce };

/** Stores `count` events of five projects, fifty missions and forty producers, as if they had come in thirty days. */
export async function fillStore(store: Store, count: number, now: number): Promise<void> {
  const team = operatorScope('local');
  const visitor = { team, actor: { kind: 'machine' }, rights: [], projects: 'all' } as const;
  for (let from = 0; from < count; from += BATCH) {
    const at = now - Math.floor(((count - from) / count) * DAYS * DAY_MS);
    const events = Array.from({ length: Math.min(BATCH, count - from) }, (_, n) =>
      eventOf(from + n, at),
    );
    const results = await ingest(store, events, {
      visitor,
      isStrict: false,
      now: at,
      turns,
    });
    const odd = results.find(({ result }) => result.status !== 'success');
    if (odd !== undefined) throw new Error(JSON.stringify(odd));
  }
}

function projectOf(n: number): ProjectId {
  return PROJECTS[n % PROJECTS.length] ?? ('' as ProjectId);
}

function idOf(n: number): EventId {
  return `01KW${String(n).padStart(22, '0')}` as EventId;
}

/** A producer's own count, with a gap after each thousand. */
function clockOf(turn: number): number {
  const own = Math.floor(turn / PRODUCERS);
  return own + 10 * Math.floor(own / BATCH);
}

/** Of ten events eight move a work package, one in a thousand is of an artifact, one in ten thousand rare; some are odd. */
function eventOf(n: number, at: number): Uint8Array {
  const turn = Math.floor(n / PROJECTS.length);
  const mission = `${String(10 + (turn % (MISSIONS / PROJECTS.length))).padStart(3, '0')}-mission-of-many-events`;
  const wp = `WP${String(1 + (Math.floor(turn / 10) % PACKAGES)).padStart(2, '0')}`;
  const step = Math.floor(turn / 120);
  const moves = n % 10 < 8;
  const payload = {
    mission_slug: mission,
    wp_id: wp,
    from_lane: LANES[step % LANES.length],
    to_lane: n % 1_000 === 1 ? 'limbo' : LANES[(step + 1) % LANES.length],
    actor: 'claude:sonnet:implementer:implementer',
    execution_mode: 'worktree',
    force: false,
    reason: 'the tests passed, two findings are left for a later cycle of work on this package',
    review_ref: null,
    evidence: null,
  };
  const rare = n % 10_000 === 9 ? 'MissionClosed' : 'WPAssigned';
  const other = { mission_slug: mission, wp_id: wp, agent_id: 'ann', phase: 'implementation' };
  const [eventType, said] = moves ? ['WPStatusChanged', payload] : [rare, other];
  const isOfArtifact = n % 1_000 < PROJECTS.length;
  return encodeEnvelope({
    eventId: idOf(n),
    eventType: isOfArtifact ? 'MissionDossierArtifactIndexed' : eventType,
    aggregateId: wp,
    aggregateType: isOfArtifact ? 'MissionDossier' : 'WorkPackage',
    payload: Buffer.from(JSON.stringify(isOfArtifact ? artifactOf(n, mission) : said)),
    nodeId: `a1b2c3d4e5${String(10 + (turn % PRODUCERS))}`,
    lamportClock: clockOf(turn),
    causationId: null,
    timestamp: new Date(at + (n % BATCH)).toISOString().replace('Z', '+00:00'),
    teamSlug: null,
    projectUuid: projectOf(n),
    projectSlug: 'bench',
    gitBranch: 'main',
    headCommitSha: '0cf3f906f4f979a000cf04c78688a397d69b6a37',
    repoSlug: 'acme/bench',
  });
}

/** A file of a mission, now and then another version of one. */
function artifactOf(n: number, mission: string): Readonly<Record<string, unknown>> {
  return {
    namespace: {
      project_uuid: projectOf(n),
      mission_slug: mission,
      target_branch: 'main',
      mission_type: 'software-dev',
      manifest_version: '1',
    },
    artifact_id: {
      mission_type: 'software-dev',
      path: `research/note-${String(n % 997)}.md`,
      artifact_class: 'input',
    },
    content_ref: { algorithm: 'sha256', hash: hash('sha256', String(n), 'hex'), size_bytes: n },
    indexed_at: '2026-03-14T09:26:53+00:00',
    context_diagnostics: { artifact_key: 'input.note.main', required_status: 'optional' },
  };
}
