import { describe, expect, it } from 'vitest';
import { systemClock } from './clock.ts';

const LONG_MS = 60_000;

describe('the machine’s own clock', () => {
  const clock = systemClock();

  it('tells wall time in milliseconds, and a time that never goes back', () => {
    expect(clock.now()).toBeGreaterThan(Date.UTC(2026, 0, 1));
    const before = clock.monotonic();
    expect(clock.monotonic()).toBeGreaterThanOrEqual(before);
  });

  it('sleeps and pauses at least as long as it is told', async () => {
    const start = clock.monotonic();
    clock.pause(15);
    expect(clock.monotonic() - start).toBeGreaterThanOrEqual(14);
    await clock.sleep(15);
    expect(clock.monotonic() - start).toBeGreaterThanOrEqual(28);
  });

  it('wakes at once when it is interrupted, and does not sleep when it was before', async () => {
    const start = clock.monotonic();
    await clock.sleep(LONG_MS, AbortSignal.abort());
    const interruption = new AbortController();
    const slept = clock.sleep(LONG_MS, interruption.signal);
    interruption.abort();
    await slept;
    expect(clock.monotonic() - start).toBeLessThan(LONG_MS / 2);
  });

  it('sleeps out when its signal says nothing', async () => {
    await expect(clock.sleep(1, new AbortController().signal)).resolves.toBeUndefined();
  });
});
