import { type Stack, startStack } from '../../infra/local/start-stack';
import type { LoadTestOptions } from './options';

/** The system under test. */
export interface Target {
  /** `http://host:port`; streams take turns. */
  readonly urls: readonly string[];
  /** Null: a running system of which only the URLs are known. */
  readonly stack: Stack | null;
  /** Process ids of its parts, by name; empty when they are unknown. */
  parts(): ReadonlyMap<string, readonly number[]>;
  /** Streams open at each gateway, of those that answer. */
  openStreams(): Promise<number[]>;
  close(): Promise<void>;
}

const ANSWER_MS = 5_000;
const FIRST_EVENT_SPARE_MS = 30_000;

/** A running system. */
export function remoteTarget(url: string): Target {
  return {
    urls: url.split(',').map((one) => one.trim()),
    stack: null,
    parts: () => new Map(),
    openStreams: async () => [],
    close: async () => undefined,
  };
}

/** Starts Kafka, gateways, ticker and nginx; resolves when events flow. @throws Error when they do not */
export async function localTarget(
  options: LoadTestOptions,
  gateways: number,
  maxStreams: number,
  output: { readonly log: (line: string) => void; readonly onOutput: (name: string, line: string) => void },
): Promise<Target> {
  const { tickMs, connections, probe, direct } = options;
  const stack = await startStack({
    gateways,
    tickMs,
    aggregators: 0,
    streams: connections + probe,
    env: { MAX_STREAMS: String(maxStreams) },
    ...output,
  });
  const urls = direct ? stack.gateways.map(({ url }) => url) : [stack.url];
  try {
    // The streams start with the last event, which must exist.
    await firstEvent(urls[0]!, tickMs + FIRST_EVENT_SPARE_MS);
  } catch (error) {
    await stack.close();
    throw error;
  }
  const pids = (of: () => number): number[] => {
    try {
      return [of()];
    } catch {
      // Killed on purpose, or dead: sampling continues without it.
      return [];
    }
  };
  return {
    urls,
    stack,
    parts: () =>
      new Map([
        ...stack.gateways.map((gateway) => [gateway.name, pids(() => gateway.pid)] as const),
        ['nginx', [stack.nginx.pid]],
        ['broker', pids(() => stack.broker!.pid())],
        ['ticker', pids(() => stack.ticker!.pid)],
      ]),
    openStreams: () =>
      Promise.all(stack.gateways.map(({ url }) => openStreamsAt(url))).then((all) =>
        all.filter((count) => count !== null),
      ),
    close: stack.close,
  };
}

/** Null when it does not answer. */
export async function openStreamsAt(url: string): Promise<number | null> {
  try {
    const response = await fetch(`${url}/connections`, {
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    return Number(await response.text());
  } catch {
    return null;
  }
}

/** Resolves with the first event of a stream. @throws Error when none comes in time */
async function firstEvent(url: string, deadlineMs: number): Promise<void> {
  const response = await fetch(`${url}/events?from=-1`, { signal: AbortSignal.timeout(deadlineMs) });
  let text = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (/^data: \{"payload"/m.test(text)) return;
  }
  throw new Error(`${url}/events ended without an event`);
}
