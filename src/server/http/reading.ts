import { HEADERS } from '../../wire/index.ts';
import { requireVisitor } from '../auth.ts';
import type { Store } from '../store/store.ts';
import { readArtifacts, readBody, readNamespaces } from './artifacts.ts';
import { readEvent, readPage } from './events.ts';
import type { Handler } from './here.ts';
import { readSnapshot, readSnapshots } from './snapshots.ts';

type ReadingRoute =
  | 'listEvents'
  | 'showEvent'
  | 'listNamespaces'
  | 'listArtifacts'
  | 'showBody'
  | 'listSnapshots'
  | 'showSnapshot';

/** The routes that tell programs what is stored. */
export function readingHandlers(store: Store): Readonly<Record<ReadingRoute, Handler>> {
  const listing =
    (read: typeof readPage): Handler =>
    async (c) => {
      const found = await read(store, requireVisitor(c.var.visitor), c.req.query());
      return c.json({ ...found, server_instance_id: store.instanceId });
    };
  return {
    listEvents: listing(readPage),
    listNamespaces: listing(readNamespaces),
    listArtifacts: listing(readArtifacts),
    listSnapshots: listing(readSnapshots),
    showSnapshot: async (c) => {
      const visitor = requireVisitor(c.var.visitor);
      const body = await readSnapshot(store, visitor, c.req.param('id') ?? '');
      return c.body(new Uint8Array(body), 200, { [HEADERS.contentType]: 'application/json' });
    },
    showEvent: async (c) => {
      const visitor = requireVisitor(c.var.visitor);
      const body = await readEvent(store, visitor, c.req.param('id') ?? '');
      return c.body(new Uint8Array(body), 200, { [HEADERS.contentType]: 'application/json' });
    },
    showBody: async (c) => {
      const visitor = requireVisitor(c.var.visitor);
      const body = await readBody(store, visitor, c.req.query(), c.req.param('hash'));
      return c.body(new Uint8Array(body), 200, RAW_TEXT);
    },
  };
}

/** The text is somebody's: no browser may run it, or guess that it is something else. */
const RAW_TEXT = {
  [HEADERS.contentType]: 'text/plain; charset=utf-8',
  'content-disposition': 'attachment',
  'content-security-policy': "default-src 'none'; sandbox",
  'x-content-type-options': 'nosniff',
};
