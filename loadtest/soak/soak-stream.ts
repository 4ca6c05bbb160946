import type { GatewayEventName } from '../../src/wire/gateway-events';
import { openEventSource, type TestEventSource } from '../../test/support/event-source';
import { OffsetTrack } from './offset-track';

/** A client that stays for the whole run and keeps only the data for the verdict. */
export interface SoakStream {
  readonly source: TestEventSource;
  readonly tracks: ReadonlyMap<number, OffsetTrack>;
  /** Gaps, resets and other events that must not occur here, as `name data`. */
  readonly complaints: readonly string[];
}

interface WithMeta {
  readonly partition: number;
  readonly offset: string;
}

/** Events about the stream, faults or catching up, which every client gets. */
const EXPECTED: readonly string[] = [
  'gateway.open',
  'gateway.position',
  'gateway.retry',
  'gateway.status',
  'gateway.live',
] satisfies GatewayEventName[];

/** @param retryDivisor reconnects this many times as fast as a browser */
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
