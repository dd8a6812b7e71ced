import { sha256Hex } from '../../base/index.ts';
import { asText, MAX_BODY_BYTES, member, PATHS } from '../../wire/index.ts';
import { postFacts, statusIs, wordsAre } from '../batch.ts';
import type { Rule } from '../rule.ts';
import { every, notOffered, PASS, skipped, type Verdict, whether } from '../verdict.ts';
import type { Seen, Visit } from '../visit.ts';

const SOURCE = 'A body';
const NEEDS = ['batch.stored'];
const STORED = ['body.stored'];

/** The texts of artifacts, where health names them. */
export const BODY_RULES: readonly Rule[] = [
  {
    id: 'body.namespace',
    says: 'A body of a namespace of which no event spoke is a 404 `namespace_not_found`.',
    source: SOURCE,
    needs: NEEDS,
    asks: 'bodies',
    probe: async (visit) => refusedAs(await push(visit, textOf(visit)), 404, 'namespace_not_found'),
  },
  {
    id: 'body.index',
    says: 'A body that no event has indexed is a 404 `index_entry_not_found`.',
    source: SOURCE,
    needs: NEEDS,
    asks: 'bodies',
    probe: async (visit) => {
      const text = textOf(visit);
      const known = await index(visit, text);
      const seen = await push(visit, { ...text, path: 'plan.md' });
      return every([known, refusedAs(seen, 404, 'index_entry_not_found')]);
    },
  },
  {
    id: 'body.stored',
    says: 'A body is a 201 once an event has indexed it.',
    source: SOURCE,
    needs: NEEDS,
    asks: 'bodies',
    probe: async (visit) => {
      const text = textOf(visit);
      return every([await index(visit, text), statusIs(await push(visit, text), 201)]);
    },
  },
  {
    id: 'body.repeat',
    says: 'A body that was stored before is a 200.',
    source: SOURCE,
    needs: STORED,
    asks: 'bodies',
    probe: async (visit) => {
      const text = textOf(visit);
      const known = await index(visit, text);
      await push(visit, text);
      return every([known, statusIs(await push(visit, text), 200)]);
    },
  },
  {
    id: 'body.echo',
    says: 'The answer repeats path and hash.',
    source: SOURCE,
    needs: STORED,
    asks: 'bodies',
    probe: async (visit) => {
      const text = textOf(visit);
      await index(visit, text);
      const seen = await push(visit, text);
      const isKept =
        member(seen.json, 'artifact_path') === text.path &&
        member(seen.json, 'content_hash') === sha256Hex(text.text);
      return whether(isKept, seen.said);
    },
  },
  {
    id: 'body.status',
    says: 'The answer says `stored`, and `already_exists` the second time.',
    source: SOURCE,
    needs: ['body.repeat'],
    asks: 'bodies',
    probe: async (visit) => {
      const text = textOf(visit);
      await index(visit, text);
      const words = [await push(visit, text), await push(visit, text)].map(({ json }) =>
        asText(member(json, 'status')),
      );
      return whether(words.join() === 'stored,already_exists', words.join(', then '));
    },
  },
  {
    id: 'body.hash',
    says: 'A body whose hash is not that of its text is a 400.',
    source: SOURCE,
    needs: STORED,
    asks: 'bodies',
    probe: async (visit) => {
      const text = textOf(visit);
      const known = await index(visit, text);
      const seen = await push(visit, text, { content_body: 'another text' });
      return every([known, statusIs(seen, 400)]);
    },
  },
  {
    id: 'body.path',
    says: 'A path that leaves the mission is a 400.',
    source: SOURCE,
    needs: STORED,
    asks: 'bodies',
    probe: async (visit) =>
      statusIs(await push(visit, { ...textOf(visit), path: '../spec.md' }), 400),
  },
  {
    id: 'body.limit',
    says: 'A text of exactly 524,288 bytes is stored.',
    source: SOURCE,
    needs: STORED,
    asks: 'bodies',
    probe: async (visit) => {
      const text = { ...textOf(visit), text: sized(MAX_BODY_BYTES) };
      return every([await index(visit, text), statusIs(await push(visit, text), 201)]);
    },
  },
  {
    id: 'body.too-large',
    says: 'A text of one byte more is a 413.',
    source: SOURCE,
    needs: STORED,
    asks: 'bodies',
    probe: async (visit) => {
      const text = { ...textOf(visit), text: sized(MAX_BODY_BYTES + 1) };
      return every([await index(visit, text), statusIs(await push(visit, text), 413)]);
    },
  },
  {
    id: 'body.vocabulary',
    says: '`mission_slug` and `mission_type` mean the same as `feature_slug` and `mission_key`.',
    source: SOURCE,
    needs: ['body.repeat'],
    asks: 'bodies',
    probe: async (visit) => {
      const text = textOf(visit);
      const known = await index(visit, text);
      const later = {
        feature_slug: undefined,
        mission_key: undefined,
        mission_slug: text.mission,
        mission_type: TYPE,
      };
      const answers = [await push(visit, text, later), await push(visit, text)] as const;
      return every([known, statusIs(answers[0], 201), statusIs(answers[1], 200)]);
    },
  },
  {
    id: 'body.version',
    says: 'Another text of the same path is stored beside the first.',
    source: SOURCE,
    needs: STORED,
    asks: 'bodies',
    probe: async (visit) => {
      const text = textOf(visit);
      const next = { ...text, text: `${text.text}again\n` };
      const known = [await index(visit, text), await index(visit, next)];
      const answers = [await push(visit, next), await push(visit, text)];
      return every([...known, ...answers.map((seen) => statusIs(seen, 201))]);
    },
  },
  {
    id: 'body.verbatim',
    says: 'A text is given back byte for byte, where texts can be read.',
    source: 'Reading what arrived',
    needs: STORED,
    asks: 'bodies',
    probe: async (visit) => {
      const text = { ...textOf(visit), text: '\ufeff# Caf\u00e9 \u{1f408}\r\n\u0000\tend' };
      const known = every([await index(visit, text), statusIs(await push(visit, text), 201)]);
      if (known.kind !== 'pass') return known;
      const path = `${PATHS.bodyList}${sha256Hex(text.text)}?project=${visit.project}`;
      const seen = await visit.ask({ path, token: visit.readToken });
      if (seen.status === 401 || seen.status === 403) return skipped('the token may not read');
      if (seen.status === 404 || seen.status === 405) return notOffered('texts cannot be read');
      return whether(seen.body.equals(Buffer.from(text.text)), seen.said);
    },
  },
];

/** One text at one place. */
interface Text {
  readonly mission: string;
  readonly path: string;
  readonly text: string;
}

const TYPE = 'software-dev';

function textOf({ facts }: Visit): Text {
  const mission = facts.name();
  return { mission, path: 'spec.md', text: `# ${mission}\n` };
}

/** Exactly so many bytes, some of them of characters that take several. */
function sized(bytes: number): string {
  return `\u{1f408}${'x'.repeat(bytes - 4)}`;
}

/** Posts the event that indexes a text. */
async function index(visit: Visit, { mission, path, text }: Text): Promise<Verdict> {
  const now = '2026-01-01T00:00:00+00:00';
  const fact = visit.facts.next({
    event_type: 'MissionDossierArtifactIndexed',
    aggregate_type: 'MissionDossier',
    aggregate_id: mission,
    payload: {
      namespace: {
        project_uuid: visit.project,
        mission_slug: mission,
        target_branch: 'main',
        mission_type: TYPE,
        manifest_version: '1',
      },
      artifact_id: { mission_type: TYPE, path, artifact_class: 'input' },
      content_ref: {
        algorithm: 'sha256',
        hash: sha256Hex(text),
        size_bytes: Buffer.byteLength(text),
      },
      indexed_at: now,
    },
  });
  return wordsAre(await postFacts(visit, [fact]), ['stored']);
}

async function push(
  visit: Visit,
  { mission, path, text }: Text,
  more: Readonly<Record<string, unknown>> = {},
): Promise<Seen> {
  const members = {
    project_uuid: visit.project,
    feature_slug: mission,
    target_branch: 'main',
    mission_key: TYPE,
    manifest_version: '1',
    artifact_path: path,
    content_hash: sha256Hex(text),
    hash_algorithm: 'sha256',
    content_body: text,
    ...more,
  };
  const seen = await visit.ask({ path: PATHS.bodies, body: Buffer.from(JSON.stringify(members)) });
  if (seen.status === 201) visit.bodies += 1;
  return seen;
}

function refusedAs(seen: Seen, status: number, code: string): Verdict {
  const stated = ['error_code', 'error'].map((key) => asText(member(seen.json, key)));
  return every([statusIs(seen, status), stated.includes(code) ? PASS : whether(false, seen.said)]);
}
