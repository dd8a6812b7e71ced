import { messageOf, printable, type Clock, type Millis } from '../base/index.ts';
import type { Http, HttpReply } from '../home/index.ts';
import {
  asObject,
  HEADERS,
  JSON_MEDIA_TYPE,
  parseJson,
  type Health,
  type JsonObject,
} from '../wire/index.ts';
import { createFacts, type Fact, type Facts } from './facts.ts';

/** One request below the receiver's base. */
export interface Question {
  readonly path: string;
  /** Posted when there is one, JSON unless the headers say otherwise; without it the request is a GET. */
  readonly body?: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  /** The token to present instead of the writer's; null for none. */
  readonly token?: string | null;
}

/** One answer. */
export interface Seen {
  /** 0 where none came. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Empty where the answer is no JSON object. */
  readonly json: JsonObject;
  /** On one line, for people. */
  readonly said: string;
}

/** An answer that asked to come again later. */
export interface Throttle {
  readonly status: number;
  readonly retryAfter: string | null;
}

/** One run against one receiver: what is known of it, and what it has been given. */
export interface Visit {
  readonly project: string;
  readonly token: string | null;
  readonly readToken: string | null;
  readonly facts: Facts;
  /** What the receiver said of itself; null until it did. */
  health: Health | null;
  /** Event id and SHA-256 of everything that was answered as stored. */
  readonly stored: Map<string, string>;
  /** Ids of events of which nothing was said, neither that they are stored nor that they are not. */
  readonly unsaid: Set<string>;
  /** By id, the first and last event of every batch that was refused as a whole. */
  readonly refused: Map<string, { readonly status: number; readonly fact: Fact }>;
  readonly throttles: Throttle[];
  bodies: number;
  snapshots: number;
  /** Asks, and again where the receiver is busy: at most four times. Never throws for what a receiver does. */
  ask(question: Question): Promise<Seen>;
}

export interface VisitOptions {
  readonly http: Http;
  readonly clock: Clock;
  /** Without a slash at its end. */
  readonly base: string;
  /** UUID of a project of this run's own. */
  readonly project: string;
  readonly token: string | null;
  /** For reading what arrived; the writer's where null. */
  readonly readToken: string | null;
  readonly signal: AbortSignal;
}

const DEADLINE_MS = 60_000;
const MAX_ANSWER_BYTES = 8_388_608;
const MAX_SAID_BYTES = 240;
const TRIES = 4;
const MAX_WAIT_MS = 30_000;
const USUAL_WAIT_MS = 1_000;

/** Begins a run. */
export function beginVisit(options: VisitOptions): Visit {
  const { clock, project, token, readToken } = options;
  const throttles: Throttle[] = [];
  return {
    project,
    token,
    readToken: readToken ?? token,
    facts: createFacts(project, clock),
    health: null,
    stored: new Map(),
    unsaid: new Set(),
    refused: new Map(),
    throttles,
    bodies: 0,
    snapshots: 0,
    ask: async (question) => {
      for (let attempt = 1; ; attempt += 1) {
        const seen = await send(options, question);
        if (seen.status !== 429 && seen.status !== 503) return seen;
        const retryAfter = seen.headers[HEADERS.retryAfter] ?? null;
        throttles.push({ status: seen.status, retryAfter });
        if (attempt === TRIES || options.signal.aborted) return seen;
        await clock.sleep(waitOf(retryAfter), options.signal);
      }
    },
  };
}

function waitOf(retryAfter: string | null): Millis {
  const seconds = /^\d{1,6}$/.test(retryAfter ?? '') ? Number(retryAfter) : 0;
  return seconds === 0 ? USUAL_WAIT_MS : Math.min(seconds * 1000, MAX_WAIT_MS);
}

async function send(
  { http, base, token, signal }: VisitOptions,
  question: Question,
): Promise<Seen> {
  const presented = question.token === undefined ? token : question.token;
  const isPost = question.body !== undefined;
  const reply = await http.send({
    method: isPost ? 'POST' : 'GET',
    url: `${base}${question.path}`,
    headers: {
      ...(isPost ? { [HEADERS.contentType]: JSON_MEDIA_TYPE } : {}),
      ...(presented === null ? {} : { [HEADERS.authorization]: `Bearer ${presented}` }),
      ...question.headers,
    },
    body: question.body ?? null,
    deadlineMs: DEADLINE_MS,
    maxResponseBytes: MAX_ANSWER_BYTES,
    signal,
  });
  return seenOf(reply);
}

function seenOf(reply: HttpReply): Seen {
  if (reply.kind === 'failure') {
    const said = `no answer (${reply.reason}: ${messageOf(reply.detail)})`;
    return { status: 0, headers: {}, body: Buffer.alloc(0), json: {}, said };
  }
  const { status, headers, body } = reply;
  const parsed = parseJson(body);
  const json = (parsed.ok ? asObject(parsed.value) : null) ?? {};
  const text = printable(body.subarray(0, MAX_SAID_BYTES).toString(), MAX_SAID_BYTES);
  return { status, headers, body, json, said: `${status} ${text}`.trim() };
}
