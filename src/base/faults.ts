/** Named places where a test may make the process die or fail; the product itself never asks what they do. */
export const FAULT_POINTS = [
  'store.create',
  'store.migrated',
  'capture.begin',
  'capture.append',
  'capture.commit',
  'capture.acknowledge',
  'spill.write',
  'spill.done',
  'spill.ingest',
  'spill.remove',
  'import.file',
  'prepare.file',
  'legacy.copied',
  'legacy.commit',
  'legacy.committed',
  'legacy.archive',
  'grant.commit',
  'open.commit',
  'batch.begin',
  'batch.send',
  'batch.answer',
  'record.append',
  'record.commit',
  'record.done',
  'gc.drop',
  'gc.reclaim',
  'archive.write',
  'archive.written',
  'archive.recorded',
  'archive.restore',
] as const;

export type FaultPoint = (typeof FAULT_POINTS)[number];

export interface Faults {
  /** Called when the product passes `point`; returns, throws or never returns. */
  at(point: FaultPoint): void;
}

/** Nothing happens anywhere. */
export const noFaults: Faults = {
  at: () => {},
};

/**
 * Calls `strike` the n-th time the named point is passed.
 * @param spec `point` or `point:n`, n counted from 1.
 */
export function faultsFrom(spec: string, strike: (point: FaultPoint) => void): Faults {
  const [name, count] = spec.split(':');
  let left = Number(count ?? '1');
  return {
    at: (point) => {
      if (point !== name) return;
      left -= 1;
      if (left === 0) strike(point);
    },
  };
}
