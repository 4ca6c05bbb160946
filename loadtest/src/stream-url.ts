import type { LoadConfig } from './config.ts';

/** Streams of one room, as in the room benchmark. */
const ROOM_SIZE = 6;

/** The room of a stream; streams are numbered from 1. */
function roomOf(stream: number): number {
  return Math.floor((stream - 1) / ROOM_SIZE);
}

/** How many rooms a run has. */
export function roomCount(connections: number): number {
  return Math.ceil(connections / ROOM_SIZE);
}

/** Whether a stream is a slow client, which also gets large events. */
export function isSlow({ slowEvery }: LoadConfig, stream: number): boolean {
  return slowEvery > 0 && stream % slowEvery === 0;
}

/** URL of a stream. */
export function streamUrl(config: LoadConfig, stream: number): string {
  const { baseUrls, streamPath, query, scenario } = config;
  const base = baseUrls[stream % baseUrls.length]!;
  const path = scenario === 'rooms' ? `${streamPath}/r-${roomOf(stream)}` : streamPath;
  // Only slow clients subscribe to the name of the large events.
  const filter = scenario === 'slow' && !isSlow(config, stream) ? 'event=message' : '';
  const all = [query, filter].filter((part) => part !== '').join('&');
  return `${base}${path}${all === '' ? '' : `?${all}`}`;
}
