import { expect, it } from 'vitest';
import { manualClock } from '../../test/support/manual-clock.ts';
import { createLog, silentLog } from './log.ts';

it('a log writes one JSON object a line, with the time of its clock', () => {
  const lines: string[] = [];
  const clock = manualClock();
  clock.setWall(Date.UTC(2026, 2, 14, 9, 26, 53, 5));
  const log = createLog(clock, (line) => lines.push(line));
  log.info('delivery.batch', {
    items: 3,
    target: 'tgt_anon_1',
    done: true,
    ids: ['a', 'b'],
    none: null,
  });
  log.error('import.line', { text: 'first\nsecond \u001b[31m' });
  expect(lines).toEqual([
    '{"at":"2026-03-14T09:26:53.005Z","level":"info","event":"delivery.batch","items":3,' +
      '"target":"tgt_anon_1","done":true,"ids":["a","b"],"none":null}\n',
    '{"at":"2026-03-14T09:26:53.005Z","level":"error","event":"import.line",' +
      '"text":"first\\nsecond \\u001b[31m"}\n',
  ]);
});

it('a silent log says nothing', () => {
  expect(silentLog.info('x', {})).toBeUndefined();
  expect(silentLog.error('x', {})).toBeUndefined();
});
