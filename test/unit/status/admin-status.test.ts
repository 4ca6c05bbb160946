import type { SseStream } from '../../../src/sse/sse-stream';
import { createAdminStatus, type StreamOrder } from '../../../src/status/admin-status';

const STREAMS = 20_000;
const STREAMS_PER_TURN = 2_000;
const MAX_STALL_MS = 50;

function fakeStream(number: number): SseStream {
  return {
    isOpen: true,
    isBlocked: false,
    openedAtMs: 1_000_000 + ((number * 7_919) % STREAMS),
    bufferedBytes: (number * 104_729) % 65_536,
    subscriber: {
      phase: { name: 'live' },
      behind: (number * 31) % 1_000,
      audience: { subscription: { channels: ['/'] } },
    },
    origin: { requestPath: '/sse', clientIp: '127.0.0.1', userAgent: String(number) },
  } as unknown as SseStream;
}

function statusOf(streams: readonly SseStream[], streamsPerTurn = STREAMS_PER_TURN) {
  return createAdminStatus({
    hub: {
      sentTo: () => 0,
      recordsBehind: (subscriber) => (subscriber as unknown as { behind: number }).behind,
      stats: () => ({
        published: 0,
        deliveries: 0,
        writes: 0,
        bytes: 0,
        holds: 0,
        ringRecords: 0,
        ringBytes: 0,
        ringChannels: 0,
      }),
    },
    streams: { count: streams.length, snapshot: () => [...streams] },
    node: 'test',
    health: () => 'OK',
    streamsPerTurn,
  });
}

describe('the admin status', () => {
  const streams = Array.from({ length: STREAMS }, (_, i) => fakeStream(i));
  const weights: Record<StreamOrder, (stream: SseStream) => number> = {
    age: (stream) => -stream.openedAtMs,
    buffered: (stream) => stream.bufferedBytes,
    behind: (stream) => (stream.subscriber as unknown as { behind: number }).behind,
  };

  it.each(['age', 'buffered', 'behind'] as const)(
    'has the same as sorting all of them by %s',
    async (sort) => {
      const { connections } = await statusOf(streams)({ limit: 100, sort });
      const sorted = [...streams].sort(
        (a, b) => weights[sort](b) - weights[sort](a) || a.openedAtMs - b.openedAtMs,
      );
      expect(connections.map(({ user_agent }) => user_agent)).toEqual(
        sorted.slice(0, 100).map(({ origin }) => origin.userAgent),
      );
    },
  );

  it('yields to the event loop, in the worst order too', async () => {
    // The heaviest come last, so that each one is put in.
    const worst = [...streams].sort((a, b) => a.bufferedBytes - b.bufferedBytes);
    const report = statusOf(worst);
    await report({ limit: 1_000, sort: 'buffered' });
    const turns: number[] = [];
    let running = true;
    // Processor time, so that what else the machine does counts for nothing.
    const cpuMs = () => process.cpuUsage().user / 1_000;
    const note = () => {
      turns.push(cpuMs());
      if (running) setImmediate(note);
    };
    note();
    const { connections } = await report({ limit: 1_000, sort: 'buffered' });
    running = false;
    turns.push(cpuMs());
    expect(connections).toHaveLength(1_000);
    expect(turns.length).toBeGreaterThan(STREAMS / STREAMS_PER_TURN);
    const longest = Math.max(...turns.slice(1).map((atMs, i) => atMs - turns[i]!));
    expect(longest).toBeLessThan(MAX_STALL_MS);
  });

  it('leaves out streams that closed meanwhile', async () => {
    const few = streams.slice(0, 10).map((stream) => ({ ...stream, isOpen: true }));
    const answer = statusOf(few as unknown as SseStream[], 4)({ limit: 10, sort: 'age' });
    few[0]!.isOpen = false;
    expect((await answer).connections).toHaveLength(9);
  });
});
