import { setTimeout as sleep } from 'node:timers/promises';
import type { StackGateway } from '../../infra/local/start-stack';
import { openStreamsAt } from './target';

/** The streams of a killed gateway. */
export interface StormResult {
  /** Streams of all gateways before, and of the one that was killed. */
  readonly before: number;
  readonly killed: number;
  /** Until the others had as many as all had before; null: not within the limit. */
  readonly backMs: number | null;
}

/** Streams wait up to 5 s (RETRY_MAX_MS) before they reconnect. */
export const STORM_LIMIT_MS = 15_000;
const GIVE_UP_MS = 4 * STORM_LIMIT_MS;
const POLL_MS = 100;

/** Kills the first gateway without warning and waits until all its streams are open at the others. */
export async function raiseStorm(gateways: readonly StackGateway[]): Promise<StormResult> {
  const [victim, ...others] = gateways;
  const counts = await Promise.all(gateways.map(({ url }) => openStreamsAt(url)));
  const killed = counts[0] ?? 0;
  const before = counts.reduce<number>((sum, count) => sum + (count ?? 0), 0);
  const startMs = performance.now();
  await victim!.kill('SIGKILL');
  for (;;) {
    const now = await Promise.all(others.map(({ url }) => openStreamsAt(url)));
    const elapsedMs = performance.now() - startMs;
    if (now.reduce<number>((sum, count) => sum + (count ?? 0), 0) >= before) {
      return { before, killed, backMs: Math.round(elapsedMs) };
    }
    if (elapsedMs > GIVE_UP_MS) return { before, killed, backMs: null };
    await sleep(POLL_MS);
  }
}
