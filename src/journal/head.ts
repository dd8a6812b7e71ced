import { sha256Hex, type Db, type Host } from '../base/index.ts';

/** The single row that counts what the journal holds and keeps its Lamport clock. */
export interface Head {
  readonly nodeId: string;
  readonly lamport: number;
  /** Events in the journal. */
  readonly captured: number;
  /** Those of them that may never leave. */
  readonly ineligible: number;
}

const NODE_ID_LENGTH = 12;

const READ = 'SELECT node_id, lamport, captured, ineligible FROM journal_head';
const CREATE = `
  INSERT INTO journal_head (one, node_id, lamport, captured, ineligible)
  VALUES (1, :nodeId, 0, 0, 0) ON CONFLICT (one) DO NOTHING`;
/** A foreign clock above this is kept in its event and ignored here: nothing honest gets there by counting. */
const LAMPORT_CEILING = 2 ** 48;

const ADVANCE = `
  UPDATE journal_head
  SET lamport = max(lamport, :lamport), captured = captured + :captured, ineligible = ineligible + :ineligible`;

interface HeadRow {
  readonly node_id: string;
  readonly lamport: number;
  readonly captured: number;
  readonly ineligible: number;
}

/** The head of a journal; a journal that was never written has the clock of a new node. */
export function readHead(db: Db, host: Host): Head {
  const row = db.get<HeadRow>(READ);
  if (row === undefined) return { nodeId: nodeIdOf(host), lamport: 0, captured: 0, ineligible: 0 };
  return {
    nodeId: row.node_id,
    lamport: row.lamport,
    captured: row.captured,
    ineligible: row.ineligible,
  };
}

/** Moves the head on: the highest Lamport value seen, and how many events came in. Part of capture's transaction. */
export function advanceHead(
  db: Db,
  host: Host,
  step: { readonly lamport: number; readonly captured: number; readonly ineligible: number },
): void {
  if (db.run(ADVANCE, step).changes === 1) return;
  db.run(CREATE, { nodeId: nodeIdOf(host) });
  db.run(ADVANCE, step);
}

/** What an event's clock counts for here: nothing, when nobody got there by counting. */
export function countableLamport(value: number): number {
  return value > LAMPORT_CEILING ? 0 : value;
}

/** The first 12 hex digits of SHA-256 of `host:user`, as every Spec Kitty tool names a node. */
export function nodeIdOf(host: Host): string {
  return sha256Hex(`${host.name}:${host.user}`).slice(0, NODE_ID_LENGTH);
}
