import type { Capabilities } from '../wire/index.ts';
import type { Verdict } from './verdict.ts';
import type { Visit } from './visit.ts';

/** One sentence of the contract, and how a receiver is asked whether it keeps it. */
export interface Rule {
  /** `group.name`, the same in every version. */
  readonly id: string;
  readonly says: string;
  /** The heading of docs/wire.md under which it stands. */
  readonly source: string;
  /** Rules without which this one says nothing: where one of them is not kept, this one is not asked. */
  readonly needs?: readonly string[];
  /** What the receiver must have advertised, or the caller must have brought. */
  readonly asks?: keyof Capabilities | 'limits' | 'token';
  /** Holds with `--strict` alone, or without it alone. */
  readonly strict?: boolean;
  probe(visit: Visit): Promise<Verdict>;
}
