import { createUnstoredTicks } from '../../../loadtest/run/unstored-ticks';

const away = '{"level":40,"msg":"Ticker append failed"}';
const back = (missed: number) =>
  JSON.stringify({ level: 30, missed, forMs: 1, msg: 'Ticker append recovered' });

it('counts ticks that were not stored, of outages that are over and of the one that goes on', () => {
  let nowMs = 0;
  const ticks = createUnstoredTicks(200, () => nowMs);
  for (const line of ['{"level":30,"msg":"Ticker started"}', 'no log line', 'null']) ticks.hear(line);
  expect(ticks.count()).toBe(0);
  ticks.hear(away);
  nowMs = 1_000;
  expect(ticks.count()).toBe(5);
  ticks.hear(back(7));
  nowMs = 60_000;
  expect(ticks.count()).toBe(7);
  ticks.hear(away);
  nowMs = 60_100;
  expect(ticks.count()).toBe(8);
  ticks.hear(back(2));
  expect(ticks.count()).toBe(9);
});
