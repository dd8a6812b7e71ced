import type { IncomingMessage } from 'node:http';
import type { Context } from 'hono';
import type { LogFields } from '../../base/index.ts';
import { HEADERS } from '../../wire/index.ts';
import {
  type Caller,
  isLoopbackAddress,
  isLoopbackHost,
  requireVisitor,
  type Visitor,
} from '../auth.ts';
import type { Chunks, Inlet } from './body.ts';
import { HttpError } from './errors.ts';
import type { RouteName } from '../routes.ts';
import type { PostRequest } from './post.ts';

export interface NodeRequest {
  readonly incoming?: IncomingMessage;
}

export interface Hall {
  readonly Bindings: NodeRequest;
  readonly Variables: {
    visitor: Visitor | null;
    inlet: Inlet;
    /** Which of the routes was asked for; null for none. */
    route: RouteName | null;
    /** What the log will say of it. */
    line: Line;
    /** The receiver's own address as its clients name it, without a path. */
    base: string;
  };
}

export interface Line {
  readonly level: 'info' | 'error';
  readonly event: string;
  readonly fields: LogFields;
}

/** One request, and what has been found out about it. */
export type Here = Context<Hall>;
export type Handler = (c: Here) => Response | Promise<Response>;

export function chunksOf(c: Here): Chunks | null {
  return c.env.incoming ?? c.req.raw.body;
}

/** The body is read by the handler, as far as it is allowed to be long. */
export function postOf(c: Here): PostRequest {
  return {
    visitor: requireVisitor(c.var.visitor),
    contentType: c.req.header(HEADERS.contentType) ?? null,
    contentEncoding: c.req.header(HEADERS.contentEncoding) ?? null,
    contentLength: c.req.header('content-length') ?? null,
    inlet: c.var.inlet,
  };
}

/** @throws HttpError 400 for two credentials in one request: which of them counts is nobody's guess. */
export function callerOf(c: Here): Caller {
  const raw = c.env.incoming?.rawHeaders ?? [];
  const count = raw.filter(
    (each, index) => index % 2 === 0 && each.toLowerCase() === HEADERS.authorization,
  ).length;
  if (count > 1) throw new HttpError(401, 'authentication_required', 'authentication_required');
  return { authorization: c.req.header(HEADERS.authorization) ?? null, isLocal: isLocal(c) };
}

/**
 * Whether the client is on this machine. A proxy on it speaks for others, and a name other than the machine's own
 * in `Host` is a web page that had its name resolved to this machine (DNS rebinding).
 */
export function isLocal(c: Here): boolean {
  const { incoming } = c.env;
  if (incoming === undefined) return true;
  const isForwarded = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'].some(
    (name) => c.req.header(name) !== undefined,
  );
  return (
    !isForwarded &&
    isLoopbackAddress(incoming.socket.remoteAddress ?? '') &&
    isLoopbackHost(new URL(c.req.url).hostname)
  );
}

const MAX_ADDRESS_CHARS = 64;

/** The address tries to log in are counted by: the socket's, or what a proxy on this machine says last. */
export function addressOf(c: Here): string {
  const address = c.env.incoming?.socket.remoteAddress ?? '127.0.0.1';
  if (!isLoopbackAddress(address)) return address;
  const forwarded = c.req.header('x-forwarded-for')?.split(',').at(-1)?.trim() ?? '';
  return forwarded === '' ? address : forwarded.slice(0, MAX_ADDRESS_CHARS);
}

/** The base under which a client reached this receiver; a proxy on this machine may say that it spoke TLS. */
export function baseOf(c: Here): string {
  const url = new URL(c.req.url);
  const isBehindTls =
    c.req.header('x-forwarded-proto') === 'https' &&
    isLoopbackAddress(c.env.incoming?.socket.remoteAddress ?? '127.0.0.1');
  return isBehindTls ? `https://${url.host}` : url.origin;
}
