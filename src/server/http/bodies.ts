import {
  asObject,
  asText,
  type BodyPush,
  encodeBodyAnswer,
  type Issue,
  type JsonObject,
  MAX_BODY_BYTES,
  MAX_PUSH_BYTES,
  member,
  parseBodyPush,
  parseJson,
} from '../../wire/index.ts';
import { coversProject, type Visitor } from '../auth.ts';
import { type PushOutcome, storeBody } from '../store/bodies.ts';
import { requireRoom } from '../operations/quotas.ts';
import type { Shares } from '../sharing/shares.ts';
import type { Store } from '../store/store.ts';
import { inflate } from './body.ts';
import { HttpError } from './errors.ts';
import { type PostRequest, readWithin, requireEncoding, requireJson } from './post.ts';

/** What one push did. */
export interface PushReceipt {
  readonly status: 200 | 201;
  readonly answer: JsonObject;
  /** Of the text. */
  readonly bytes: number;
  readonly projectId: string;
}

export type ReceivePush = (request: PostRequest) => Promise<PushReceipt>;

/**
 * Takes texts of artifacts for one store: limits, judges, authorises, stores (wire contract 6). Refusals say `rejected`
 * and name the path and the hash, as far as the request did.
 */
export function pushReceiver(store: Store, now: () => number, shares: Shares): ReceivePush {
  return async (request) => {
    requireJson(request);
    const encoding = requireEncoding(request);
    const { visitor } = request;
    return shares.requests.join(visitor.team)(async () => {
      const body = await readWithin(request, MAX_PUSH_BYTES);
      if (body === null) throw tooLarge('the request is larger than any push', NO_ECHO);
      const push = await inflate(body, encoding, MAX_PUSH_BYTES);
      if (push.ok) {
        return shares.store.join(visitor.team)(() => take(store, visitor, push.value, now()));
      }
      if (push.error === 'too_large') throw tooLarge('the push is too large', NO_ECHO);
      const message = `the body is not valid ${encoding}`;
      throw invalid([{ pointer: '', rule: 'damaged', message }], NO_ECHO);
    });
  };
}

async function take(
  store: Store,
  visitor: Visitor,
  bytes: Uint8Array,
  now: number,
): Promise<PushReceipt> {
  const parsed = parseBodyPush(bytes);
  const echo = parsed.ok ? echoOf(parsed.value) : statedEcho(bytes);
  if (!parsed.ok) throw invalid(parsed.error, echo);
  const push = parsed.value;
  if (!coversProject(visitor, push.projectUuid)) {
    throw refusal(403, NOT_FOR_PROJECT, echo);
  }
  const { team } = visitor;
  const outcome = await store.driver.of(team).tx(async (sql) => {
    const stored = await storeBody(sql, team, now, push);
    await requireRoom(sql, team, stored === 'stored' ? push.content.length : 0);
    return stored;
  });
  return receiptOf(push, outcome);
}

const NOT_FOR_PROJECT = {
  code: 'project_refused',
  detail: 'this token is not for the project',
};

function receiptOf(push: BodyPush, outcome: PushOutcome): PushReceipt {
  if (outcome === 'stored' || outcome === 'already_exists') {
    const answer = encodeBodyAnswer(outcome, push);
    const status = outcome === 'stored' ? 201 : 200;
    return { status, answer, bytes: push.content.length, projectId: push.projectUuid };
  }
  throw refusal(404, { code: outcome, detail: NOT_INDEXED[outcome] }, echoOf(push));
}

const NOT_INDEXED = {
  index_entry_not_found: 'no event has indexed this path with this hash',
  namespace_not_found: 'no event has spoken of this namespace',
};

/** What a refusal repeats of its request. */
interface Echo {
  readonly path: string | null;
  readonly hash: string | null;
  /** Not repeated, but counted under it. */
  readonly projectId: string | null;
}

const NO_ECHO: Echo = { path: null, hash: null, projectId: null };

function echoOf({ artifactPath, contentHash, projectUuid: projectId }: BodyPush): Echo {
  return { path: artifactPath, hash: contentHash, projectId };
}

const MAX_ECHOED_CHARS = 2048;

/** The path and hash that a request states although it cannot be taken. */
function statedEcho(bytes: Uint8Array): Echo {
  const parsed = parseJson(bytes, { maxBytes: MAX_PUSH_BYTES });
  const fields = (parsed.ok ? asObject(parsed.value) : null) ?? {};
  const [path = null, hash = null] = ['artifact_path', 'content_hash'].map((key) => {
    const text = asText(member(fields, key));
    return text !== null && text.length <= MAX_ECHOED_CHARS ? text : null;
  });
  return { path, hash, projectId: null };
}

function invalid(issues: readonly Issue[], echo: Echo): HttpError {
  const detail = issues.map(({ pointer, message }) => `${pointer}: ${message}`).join('; ');
  if (issues.some(({ rule }) => rule === 'too-large')) return tooLarge(detail, echo);
  const details = issues.map(({ pointer, rule, message }) => ({ pointer, rule, detail: message }));
  const about = { rule: issues[0]?.rule };
  return refusal(400, { code: 'validation_error', detail }, echo, { members: { details }, about });
}

function tooLarge(detail: string, echo: Echo): HttpError {
  const limits = { max_body_bytes: MAX_BODY_BYTES };
  return refusal(413, { code: 'payload_too_large', detail }, echo, { members: { limits } });
}

interface Reason {
  readonly code: string;
  readonly detail: string;
}

/** A refusal in the words of this part of the contract, where `error` is the code. */
function refusal(
  status: number,
  { code, detail }: Reason,
  { path, hash, projectId }: Echo,
  more: ConstructorParameters<typeof HttpError>[3] = {},
): HttpError {
  return new HttpError(status, code, detail, {
    ...more,
    about: { projectId, ...more.about },
    members: {
      ...more.members,
      error: code,
      detail,
      status: 'rejected',
      ...(path === null ? {} : { artifact_path: path }),
      ...(hash === null ? {} : { content_hash: hash }),
    },
  });
}
