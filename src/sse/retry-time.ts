export interface RetryTimeOptions {
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
}

/** A reconnect time, another one each time: who was sent away together is not to come back together. */
export type RetryTime = () => number;

export function createRetryTime({ retryMinMs, retryMaxMs }: RetryTimeOptions): RetryTime {
  return () => retryMinMs + Math.floor(Math.random() * (retryMaxMs - retryMinMs + 1));
}
