import { plainTopic } from '../../src/config/topic-settings';
import type { RecordEntry } from '../../src/events/record-entry';
import { createTopic } from '../../src/events/topic-map';
import { createCurrentAggregation } from '../../src/status/kafka-status';
import { dataOf, encodeFrame } from '../../src/wire/frame';
import { createFrameDecoder } from '../../src/wire/frame-decoder';
import { entryOf } from '../support/encoded-record';

jest.setTimeout(120_000);

/** Processor time, which does not run while other programs do. */
function cpuMs(run: () => void, count: number): number {
  const start = process.cpuUsage();
  for (let i = 0; i < count; i++) run();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1_000;
}

/** What is shorter says more of the machine than of the work. */
const LEAST_MS = 4;
const LEAST_ATTEMPTS = 5;
/** On a machine that does much else the shortest of a few is still too long. */
const MOST_ATTEMPTS = 40;
/** Between 4 and 16. */
const MOST = 9;

/**
 * How much longer it takes with four times as much, by the shortest of several attempts: 4 when the work is linear, 16
 * when it is quadratic.
 * @param prepare makes a run over input of this size
 */
function growth(size: number, prepare: (size: number) => () => void): number {
  const [small, large] = [prepare(size), prepare(4 * size)];
  large();
  let count = 1;
  while (cpuMs(small, count) < LEAST_MS) count *= 2;
  let smallMs = Number.POSITIVE_INFINITY;
  let largeMs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < MOST_ATTEMPTS && (i < LEAST_ATTEMPTS || largeMs / smallMs >= MOST); i++) {
    smallMs = Math.min(smallMs, cpuMs(small, count));
    largeMs = Math.min(largeMs, cpuMs(large, count));
  }
  return largeMs / smallMs;
}

/** Pieces as sockets give them. */
const PIECE_CHARS = 1_400;

function decodes(text: string, pieceChars = text.length): () => void {
  return () => {
    let events = 0;
    const decoder = createFrameDecoder({ onEvent: () => events++ });
    for (let at = 0; at < text.length; at += pieceChars) decoder.push(text.slice(at, at + pieceChars));
    decoder.push('\n\n');
    if (events === 0) throw new Error('nothing was read');
  };
}

function eventWith(value: string): RecordEntry {
  const record = { offset: 0n, timestampMs: 1, key: null, value: Buffer.from(value), headers: [] };
  const topic = createTopic(plainTopic('t'));
  return entryOf('1.x', record, 0, { topic: 't', partition: 0 }, topic, 1 << 30);
}

describe('time grows with the input, not with its square', () => {
  it.each<[string, number, (size: number) => () => void]>([
    ['one long line in small pieces', 500_000, (size) => decodes(`data: ${'x'.repeat(size)}`, PIECE_CHARS)],
    ['many lines that end in LF, in one piece', 30_000, (size) => decodes('data: x\n'.repeat(size))],
    ['many lines that end in CR, in one piece', 30_000, (size) => decodes('data: x\r'.repeat(size))],
    ['many lines that end in CRLF, in one piece', 30_000, (size) => decodes('data: x\r\n'.repeat(size))],
    ['many lines in small pieces', 50_000, (size) => decodes('data: x\n'.repeat(size), PIECE_CHARS)],
    [
      'an event after a comment without end',
      500_000,
      (size) => decodes(`:${'\0'.repeat(size)}\ndata: x`, PIECE_CHARS),
    ],
  ])('reading %s', (_what, size, prepare) => {
    expect(growth(size, prepare)).toBeLessThan(MOST);
  });

  it.each(['\n', '\r', '\r\n', 'xyz\n'])(
    'writing an event of %j alone, and reading its data back',
    (unit) => {
      const prepare = (size: number) => {
        const data = Buffer.from(unit.repeat(size));
        return () => {
          dataOf(encodeFrame('1.x', 'name', data));
        };
      };
      expect(growth(100_000, prepare)).toBeLessThan(MOST);
    },
  );

  it('GET /kafka/status after nine events of line breaks', () => {
    const prepare = (size: number) => {
      const aggregation = createCurrentAggregation({ events: 10, windowMs: 3_600_000 });
      const event = eventWith('\n'.repeat(size));
      for (let i = 0; i < 9; i++) aggregation.onEvent(event);
      return () => {
        if (aggregation.report().stats.totalEvents !== 9) throw new Error('not counted');
      };
    };
    expect(growth(10_000, prepare)).toBeLessThan(MOST);
  });
});
