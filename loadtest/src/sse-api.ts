/**
 * The part of `k6/x/sse` that the scripts use: the API of phymbert/xk6-sse 0.1.12, and the additions of loadtest/k6,
 * marked "native". The scripts get the module as a parameter, so that they can be tested without k6.
 */
export interface SseEvent {
  readonly id: string;
  readonly name: string;
  readonly data: string;
  readonly comment: string;
}

export interface SseClient {
  /** Native: true there, undefined in xk6-sse. */
  readonly native?: boolean;
  on(event: 'open', handler: () => void): void;
  on(event: 'event', handler: (event: SseEvent) => void): void;
  on(event: 'error', handler: (error: { error(): string }) => void): void;
  close(): void;
}

/** Native; see loadtest/types/k6-x-sse.d.ts. */
export interface NativeParams {
  readonly reconnect: boolean;
  readonly closeAtMs: number;
  readonly latency?: string;
  readonly latencyFromMs: number;
  readonly latencyToMs: number;
  readonly afterLive: boolean;
  readonly sequence?: string;
}

export interface SseParams {
  readonly headers: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly timeout: string;
  readonly native: NativeParams;
}

/** Native: figures of the whole of open(), reconnects included. */
export interface SseStats {
  readonly connects: number;
  readonly reconnects: number;
  readonly firstEventMs: number | null;
  readonly lastEventId: string;
}

export interface SseResponse {
  /** 0 when nothing answered. */
  readonly status: number;
  /** Undefined in xk6-sse when nothing answered. */
  readonly headers?: Readonly<Record<string, string>> | null;
  readonly error: string;
  readonly stats?: SseStats;
}

export interface SseModule {
  open(url: string, params: SseParams, setup: (client: SseClient) => void): SseResponse;
}
