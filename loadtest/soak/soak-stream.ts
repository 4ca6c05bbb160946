import type { GatewayEventName } from '../../src/wire/gateway-events';
import { openEventSource, type TestEventSource } from '../../test/support/event-source';
import { OffsetTrack } from './offset-track';

/** A client that lives through everything and keeps only what the verdict needs. */
export interface SoakStream {
  readonly source: TestEventSource;
  readonly tracks: ReadonlyMap<number, OffsetTrack>;
  /** Gaps, resets and what else a client should never be told here, as `name data`. */
  readonly complaints: readonly string[];
}

interface WithMeta {
  readonly partition: number;
  readonly offset: string;
}

/** What every client hears of its stream, of faults, or of catching up. */
const EXPECTED: readonly string[] = [
  'gateway.open',
  'gateway.position',
  'gateway.retry',
  'gateway.status',
  'gateway.live',
] satisfies GatewayEventName[];

/** @param retryDivisor it comes back this many times as fast as a browser */
export function openSoakStream(url: string, retryDivisor: number): SoakStream {
  const tracks = new Map<number, OffsetTrack>();
  const complaints: string[] = [];
  const source = openEventSource(`${url}/sse?meta=1`, {
    retryDivisor,
    onEvent: ({ event, data }) => {
      if (event.startsWith('gateway.')) {
        if (!EXPECTED.includes(event)) complaints.push(`${event} ${data}`);
        return;
      }
      const { partition, offset } = JSON.parse(data) as WithMeta;
      let track = tracks.get(partition);
      if (track === undefined) {
        track = new OffsetTrack();
        tracks.set(partition, track);
      }
      track.take(Number(offset));
    },
  });
  return { source, tracks, complaints };
}
