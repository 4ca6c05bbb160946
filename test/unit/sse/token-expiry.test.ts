import type { SseStream } from '../../../src/sse/sse-stream';
import { createTokenExpiry } from '../../../src/sse/stream-rounds';

/** Only what the expiry uses of a stream, and what it did to it. */
function fakeStream({ isBlocked = false } = {}) {
  const done: string[] = [];
  const stream = {
    isOpen: true,
    isBlocked,
    writeText: (text: string) => done.push(text),
    end: (reason: string) => done.push(`end ${reason}`),
    destroy: (reason: string) => done.push(`destroy ${reason}`),
  };
  return { stream, done, watched: stream as unknown as SseStream };
}

const EXPIRES_AT_MS = Date.parse('2030-01-02T03:04:05.000Z');
const NOTICE = 'event: gateway.token-expiring\ndata: {"expiresAt":"2030-01-02T03:04:05.000Z"}\n\n';

describe('createTokenExpiry', () => {
  it('tells a stream once, in time, and then ends it once', () => {
    const expiry = createTokenExpiry({ noticeMs: 1_000 });
    const { watched, done } = fakeStream();
    expiry.watch(watched, EXPIRES_AT_MS);
    expiry.round(EXPIRES_AT_MS - 1_001);
    expect(done).toEqual([]);
    expiry.round(EXPIRES_AT_MS - 1_000);
    expiry.round(EXPIRES_AT_MS - 1);
    expect(done).toEqual([NOTICE]);
    expiry.round(EXPIRES_AT_MS);
    expiry.round(EXPIRES_AT_MS + 1);
    expect(done).toEqual([NOTICE, 'end expired']);
    expect(expiry.size).toBe(0);
  });

  it('tells also when there is no time left', () => {
    const expiry = createTokenExpiry({ noticeMs: 0 });
    const { watched, done } = fakeStream();
    expiry.watch(watched, EXPIRES_AT_MS);
    expiry.round(EXPIRES_AT_MS + 5_000);
    expect(done).toEqual([NOTICE, 'end expired']);
  });

  it('cuts off who takes nothing: it would not get the end', () => {
    const expiry = createTokenExpiry({ noticeMs: 0 });
    const { watched, done } = fakeStream({ isBlocked: true });
    expiry.watch(watched, EXPIRES_AT_MS);
    expiry.round(EXPIRES_AT_MS);
    expect(done.at(-1)).toBe('destroy expired');
  });

  it('forgets streams that are gone, and leaves the others alone', () => {
    const expiry = createTokenExpiry({ noticeMs: 1_000 });
    const [gone, later] = [fakeStream(), fakeStream()];
    expiry.watch(gone.watched, EXPIRES_AT_MS);
    expiry.watch(later.watched, EXPIRES_AT_MS + 10_000);
    gone.stream.isOpen = false;
    expiry.round(EXPIRES_AT_MS);
    expect(gone.done).toEqual([]);
    expect(later.done).toEqual([]);
    expect(expiry.size).toBe(1);
  });
});
