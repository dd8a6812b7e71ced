import { UserError, type FaultPoint, type Faults } from '../../src/base/index.ts';

/** Ends the work of a simulated process where it stands; nothing it does afterwards has an effect. */
export class Death extends Error {
  override readonly name = 'Death';
}

/** What a fault point does to the process that passes it. */
export type Effect = 'die' | 'fail';

export interface Trap {
  readonly point: FaultPoint;
  /** Strikes when the point is passed this many times. */
  left: number;
  readonly effect: Effect;
}

/** A failure that a trap made a process meet. */
export interface Injected {
  readonly point: FaultPoint;
  readonly error: Error;
}

/** One simulated process. */
export interface Life {
  readonly pid: number;
  /** What it does, for the trace. */
  readonly role: string;
  /** The step of the history it was started in. */
  readonly bornAt: number;
  state: 'running' | 'stopped' | 'dead' | 'over';
  readonly traps: Trap[];
  /** The failures that traps made it meet. */
  readonly injected: Injected[];
  /** Resolves when it dies. */
  readonly death: Promise<'dead'>;
  die(): void;
}

export function bear(pid: number, role: string, bornAt: number): Life {
  let proclaim: (word: 'dead') => void = () => {};
  const death = new Promise<'dead'>((resolve) => {
    proclaim = resolve;
  });
  const life: Life = {
    pid,
    role,
    bornAt,
    state: 'running',
    traps: [],
    injected: [],
    death,
    die: () => {
      if (life.state === 'dead' || life.state === 'over') return;
      life.state = 'dead';
      proclaim('dead');
    },
  };
  return life;
}

/** Where a process may be struck; `onStrike` hears of every strike. */
export function faultsOf(life: Life, onStrike: (trap: Trap) => void): Faults {
  return {
    at: (point) => {
      requireAlive(life);
      const trap = life.traps.find((each) => each.point === point);
      if (trap === undefined) return;
      trap.left -= 1;
      if (trap.left > 0) return;
      life.traps.splice(life.traps.indexOf(trap), 1);
      onStrike(trap);
      if (trap.effect === 'die') {
        life.die();
        throw new Death(`${life.role} died at ${point}`);
      }
      const error = failureAt(point);
      life.injected.push({ point, error });
      throw error;
    },
  };
}

/** The failure that the disk or another process would cause at this point. */
function failureAt(point: FaultPoint): Error {
  if (point === 'capture.begin') {
    return new UserError('busy', 'the store is locked by another process', { remedy: null });
  }
  const isFile = point.startsWith('spill.') && point !== 'spill.ingest';
  const code = isFile ? 'ENOSPC' : 'SQLITE_FULL';
  return Object.assign(new Error(`${code}: no space is left`), { code });
}

export function requireAlive(life: Life): void {
  if (life.state === 'dead') throw new Death(`${life.role} is dead`);
}

/**
 * A thing that does nothing any more once its process is dead.
 * @param onCall sees every call before it is made, and may throw instead.
 */
export function mortal<T extends object>(
  thing: T,
  life: Life,
  onCall: (name: PropertyKey, args: readonly unknown[]) => void = () => {},
): T {
  return new Proxy(thing, {
    get: (target, key) => {
      requireAlive(life);
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        onCall(key, args);
        return Reflect.apply(value, target, args);
      };
    },
  });
}
