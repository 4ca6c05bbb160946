import type { SseClient, SseEvent, SseModule, SseParams, SseResponse } from '../../loadtest/src/sse-api.ts';

/** What a server does on one connection; `afterMs` counts from what came before. */
export type Act =
  | ({ readonly afterMs: number } & Partial<SseEvent>)
  /** The connection breaks: xk6-sse tells it and then goes on waiting. */
  | { readonly afterMs: number; readonly breaks: string }
  /** The body ends cleanly: open() returns, and no handler hears of it. */
  | { readonly afterMs: number; readonly ends: true };

/** How a server takes one connection. */
export type Connection =
  | { readonly refused: string }
  | { readonly status?: number; readonly headers?: Record<string, string>; readonly acts: readonly Act[] };

export interface FakeXk6 {
  readonly sse: SseModule;
  /** Unix ms, which only go on while something is waited for. */
  readonly now: () => number;
  readonly requests: readonly { readonly url: string; readonly headers: Readonly<Record<string, string>> }[];
  /** Connections that waited for nothing when their test's time was over. */
  hung(): number;
  wait(ms: number): void;
}

const SSE_HEADERS = { 'Content-Type': 'text/event-stream' };
/** When the fake gives up on a connection that xk6-sse would never return from. */
const HARD_STOP_MS = 3_600_000;

/**
 * phymbert/xk6-sse 0.1.12 as its source has it, with a clock of its own: open() blocks; setup is called once there is an
 * answer and not when there is none; 'open' comes with any status; `retry:` and comments are events without data; a break
 * and the timeout are told as 'error' and do not end open(), a clean end does without a word; all but `headers`, `tags`
 * and `timeout` of the parameters is ignored.
 */
export function createFakeXk6(connections: readonly Connection[], startMs = 1_000_000): FakeXk6 {
  let nowMs = startMs;
  let hung = 0;
  const waiting = [...connections];
  const requests: FakeXk6['requests'][number][] = [];

  function open(url: string, params: SseParams, setup: (client: SseClient) => void): SseResponse {
    requests.push({ url, headers: { ...params.headers } });
    const next = waiting.shift();
    if (next === undefined) throw new Error('the test has no further connection');
    const timeoutAtMs = nowMs + Number(/^(\d+)ms$/.exec(params.timeout)![1]);
    if ('refused' in next) return { status: 0, headers: {}, error: next.refused };

    const handlers = new Map<string, ((argument: never) => void)[]>();
    let closed = false;
    const call = (name: string, argument?: unknown): void => {
      for (const handler of handlers.get(name) ?? []) handler(argument as never);
    };
    const tellError = (message: string): void => {
      call('error', { error: () => message });
      if (closed) return;
      // Nothing more is read, and nothing ends it but the end of the test.
      hung++;
      nowMs += HARD_STOP_MS;
    };
    setup({
      on(name: string, handler: (argument: never) => void) {
        handlers.set(name, [...(handlers.get(name) ?? []), handler]);
      },
      close: () => {
        closed = true;
      },
    });
    call('open');
    for (const act of next.acts) {
      if (closed || hung > 0) break;
      if (nowMs + act.afterMs >= timeoutAtMs) {
        nowMs = Math.max(nowMs, timeoutAtMs);
        tellError('context deadline exceeded (Client.Timeout or context cancellation while reading body)');
        break;
      }
      nowMs += act.afterMs;
      if ('breaks' in act) tellError(act.breaks);
      if ('breaks' in act || 'ends' in act) break;
      const { id = '', name = '', data = '', comment = '' } = act;
      call('event', { id, name, data, comment });
    }
    return { status: next.status ?? 200, headers: next.headers ?? SSE_HEADERS, error: '' };
  }

  return {
    sse: { open },
    now: () => nowMs,
    requests,
    hung: () => hung,
    wait(ms) {
      nowMs += ms;
    },
  };
}
