import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock, Millis } from '../../base/index.ts';
import { PIECE_BY_PIECE } from '../http/long-answer.ts';

/** How many connections there may be, and how long an answer may take. */
export interface Bounds {
  readonly most: number;
  readonly perAddress: number;
  /** Requests of one connection that were sent before the first was answered. */
  readonly atOnce: number;
  /** From the end of a request's headers to the end of its answer; one that is written piece by piece is excepted. */
  readonly answerMs: Millis;
}

/** One open connection, as far as it matters when there are too many. */
export interface Guest {
  readonly address: string;
  /** How many of its requests are being answered. */
  readonly served: number;
}

/**
 * Whom a full house shows the door, given in order of arrival with the newcomer last: of the address that has the
 * most, who has been there longest and is not being served. So whoever fills the house only puts out their own.
 */
export function whoLeaves<G extends Guest>(guests: readonly G[]): G | null {
  const counts = new Map<string, number>();
  for (const { address } of guests) counts.set(address, (counts.get(address) ?? 0) + 1);
  const most = Math.max(...counts.values());
  const crowd = guests.filter(({ address }) => counts.get(address) === most);
  return crowd.find(({ served }) => served === 0) ?? crowd[0] ?? null;
}

/**
 * Bounds the connections of a server that nobody talks to yet, together and for one address, what one of them may
 * ask at once, and the time of answers: who does not read them would hold them in memory.
 * @returns how many are open.
 */
export function boundConnections(server: Server, bounds: Bounds, clock: Clock): () => number {
  const open = new Map<Socket, { address: string; served: number }>();
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const guests = [...open].map(([of, guest]) => ({ ...guest, of }));
    const own = guests.filter((guest) => guest.address === address).length;
    if (own >= bounds.perAddress) {
      socket.destroy();
      return;
    }
    open.set(socket, { address, served: 0 });
    socket.once('close', () => open.delete(socket));
    if (open.size <= bounds.most) return;
    const leaving = whoLeaves([...guests, { address, served: 0, of: socket }]);
    leaving?.of.destroy();
  });
  const cutLater = async (
    socket: Socket,
    answer: ServerResponse,
    over: AbortSignal,
  ): Promise<void> => {
    await clock.sleep(bounds.answerMs, over);
    if (!over.aborted && !isPieceByPiece(answer)) socket.destroy();
  };
  server.on('request', ({ socket }, answer: ServerResponse) => {
    const guest = open.get(socket) ?? { served: 0 };
    guest.served += 1;
    if (guest.served > bounds.atOnce) socket.destroy();
    const over = new AbortController();
    answer.once('close', () => {
      over.abort();
      guest.served -= 1;
    });
    void cutLater(socket, answer, over.signal);
  });
  return () => open.size;
}

/** It goes on for as long as somebody reads it, and whoever writes it leaves who does not. */
function isPieceByPiece(answer: ServerResponse): boolean {
  return Object.entries(PIECE_BY_PIECE).every(([name, value]) => answer.getHeader(name) === value);
}
