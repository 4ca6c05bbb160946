import { encodeFrame, type Frame, idLine } from './frame';
import type { GatewayEvents, JsonEventName, StreamGap } from './gateway-events';

interface OwnEventOptions {
  /** Null leaves the line out: the event covers nothing. */
  readonly id?: string | null;
  /** Reconnect time in ms; null leaves the line out. */
  readonly retryMs?: number | null;
  /** The id before the data, as on `/sse`; else it is the last line. */
  readonly idFirst?: boolean;
}

/** An event of the gateway itself, as text for one stream. @throws TypeError when `id` holds CR, LF or NUL */
export function ownEvent<N extends JsonEventName>(
  event: N,
  data: GatewayEvents[N],
  { id = null, retryMs = null, idFirst = false }: OwnEventOptions = {},
): string {
  const ownId = id === null ? '' : idLine(id);
  const retry = retryMs === null ? '' : `retry: ${retryMs}\n`;
  const body = `event: ${event}\n${retry}data: ${JSON.stringify(data)}\n`;
  return idFirst ? `${ownId}${body}\n` : `${body}${ownId}\n`;
}

/** The same event as a frame, for many streams. @throws TypeError when `id` holds CR, LF or NUL */
export function ownFrame<N extends JsonEventName>(
  event: N,
  data: GatewayEvents[N],
  id: string | Uint8Array | null = null,
): Frame {
  return encodeFrame(id, event, Buffer.from(JSON.stringify(data)));
}

/** Records of a partition that are lost: `from` (included) to `to` (excluded). */
interface Gap {
  readonly topic: string;
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
  readonly reason: StreamGap['reason'];
}

export function gapData({ topic, partition, from, to, reason }: Gap): StreamGap {
  return {
    reason,
    topic,
    partition,
    requested: String(from),
    available: String(to),
    lost: Number(to - from),
  };
}
