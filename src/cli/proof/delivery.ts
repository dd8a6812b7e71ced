import type { Route } from '../../delivery/index.ts';
import { gatherHere } from '../gather/state.ts';
import type { Context } from '../io.ts';
import type { Workspace } from '../workspace.ts';
import { compareHoldings } from './comparison.ts';

/** Our books beside what the receiver itself lists. */
export interface Proof {
  readonly isBalanced: boolean;
  /** Delivered, as the ledger has it. */
  readonly delivered: Counts;
  /** What the receiver lists of it: events of the same id and hash, texts it has stored; null when it lists nothing. */
  readonly held: Counts | null;
  /** It holds everything that we call delivered; null when it does not say. */
  readonly isHeld: boolean | null;
}

interface Counts {
  readonly events: number;
  readonly bodies: number;
}

/** Asks the receiver of a route what it holds of this project, and compares. */
export async function proveDelivery(
  context: Context,
  workspace: Workspace,
  route: Route,
): Promise<Proof> {
  const status = gatherHere(context, workspace);
  const streams = status.routes.find((each) => each.route.id === route.id)?.streams ?? [];
  const booked = (name: string): number =>
    streams.find(({ facts }) => facts.stream === name)?.books.delivered ?? 0;
  const delivered = { events: booked('events'), bodies: booked('bodies') };
  const compared = await compareHoldings(context, workspace, route);
  const held =
    compared === null ? null : { events: compared.events.held, bodies: compared.bodies.held };
  return {
    isBalanced: streams.every(({ books }) => books.balanced),
    delivered,
    held,
    isHeld:
      held === null ? null : held.events >= delivered.events && held.bodies >= delivered.bodies,
  };
}
