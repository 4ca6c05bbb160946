import type { Logger } from '../../../src/logger';
import { createStreamLog } from '../../../src/sse/open-streams';
import type { SseStream } from '../../../src/sse/sse-stream';

const stream = {
  openedAtMs: Date.now(),
  writtenBytes: 1_234,
  origin: { requestId: 'request-1', requestPath: '/sse', clientIp: '127.0.0.1', userAgent: 'test/1' },
} as SseStream;

function createLog(linesPerSecond: number) {
  const lines: { message: string; fields: object }[] = [];
  const unexpected = () => {
    throw new Error('only info is expected');
  };
  const logger: Logger = {
    debug: unexpected,
    info: (fields, message) => lines.push({ message, fields }),
    warn: unexpected,
    error: unexpected,
  };
  return { lines, log: createStreamLog({ logger, linesPerSecond, eventsOf: () => 7 }) };
}

describe('the stream log', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('is silent, and has no timer, unless it is asked for', () => {
    const { log, lines } = createLog(0);
    log.onOpen(stream);
    log.onClose(stream, 'client');
    expect(jest.getTimerCount()).toBe(0);
    log.stop();
    expect(lines).toEqual([]);
  });

  it('tells who came, and why, how long and with how much they went', () => {
    const { log, lines } = createLog(10);
    log.onOpen(stream);
    jest.setSystemTime(stream.openedAtMs + 500);
    log.onClose(stream, 'slow');
    expect(lines).toEqual([
      {
        message: 'Stream opened',
        fields: { requestId: 'request-1', path: '/sse', clientIp: '127.0.0.1', userAgent: 'test/1' },
      },
      {
        message: 'Stream closed',
        fields: { requestId: 'request-1', reason: 'slow', durationMs: 500, bytes: 1_234, events: 7 },
      },
    ]);
  });

  it('leaves out what is too much in one second, and says how much that was', () => {
    const { log, lines } = createLog(3);
    for (let i = 0; i < 10; i++) log.onOpen(stream);
    expect(lines).toHaveLength(3);
    jest.advanceTimersByTime(1_000);
    expect(lines.at(-1)).toEqual({ message: 'Stream log lines suppressed', fields: { suppressed: 7 } });
    expect(jest.getTimerCount()).toBe(0);
    log.onOpen(stream);
    expect(lines.at(-1)!.message).toBe('Stream opened');
    for (let i = 0; i < 4; i++) log.onClose(stream, 'drain');
    log.stop();
    expect(lines.at(-1)).toEqual({ message: 'Stream log lines suppressed', fields: { suppressed: 2 } });
    expect(jest.getTimerCount()).toBe(0);
  });
});
