import { describe, expect, it } from 'vitest';
import { FAULT_POINTS, faultsFrom, noFaults, type FaultPoint } from './faults.ts';

function strikes(spec: string, passed: readonly FaultPoint[]): readonly FaultPoint[] {
  const struck: FaultPoint[] = [];
  const faults = faultsFrom(spec, (point) => struck.push(point));
  for (const point of passed) faults.at(point);
  return struck;
}

describe('faultsFrom', () => {
  it('strikes once, the n-th time its point is passed', () => {
    const twice: readonly FaultPoint[] = ['capture.begin', 'batch.send', 'capture.begin'];
    expect(strikes('capture.begin', twice)).toEqual(['capture.begin']);
    expect(strikes('batch.send:1', twice)).toEqual(['batch.send']);
    expect(strikes('capture.begin:2', twice)).toEqual(['capture.begin']);
    expect(strikes('capture.begin:3', twice)).toEqual([]);
    expect(strikes('record.commit', twice)).toEqual([]);
  });

  it('lets what the strike throws through', () => {
    const faults = faultsFrom('batch.begin', (point) => {
      throw new Error(`struck at ${point}`);
    });
    expect(() => {
      faults.at('batch.begin');
    }).toThrow('struck at batch.begin');
  });
});

it('no faults strike nowhere, and the points have names of their own', () => {
  for (const point of FAULT_POINTS) expect(noFaults.at(point)).toBeUndefined();
  expect(new Set(FAULT_POINTS).size).toBe(FAULT_POINTS.length);
});
