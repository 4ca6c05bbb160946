import type { LoadConfig } from './config.ts';
import type { EventFigures } from './figures.ts';
import { numberAt } from './payload.ts';
import { createSequence, type Sequence } from './sequence.ts';
import type { SseEvent } from './sse-api.ts';
import type { Window } from './window.ts';

export interface EventReaderDeps {
  readonly config: LoadConfig;
  readonly window: Window;
  readonly now: () => number;
  /** The connection starts with past events: latency counts only after `gateway.live`. */
  readonly fromPast: boolean;
  readonly onFirstEvent: () => void;
  readonly onId: (id: string) => void;
}

const LIVE = 'gateway.live';
const OWN = 'gateway.';

/** Reads one connection event by event, as xk6-sse passes them, comments and `retry:` included. */
export type EventReader = (event: SseEvent) => void;

/** Creates the readers of one stream's connections, which share its sequence. */
export function createEventReaders(figures: EventFigures): (deps: EventReaderDeps) => EventReader {
  const sequence = createSequence();
  let connections = 0;
  return (deps) =>
    createEventReader(deps, figures, sequence, () => {
      connections++;
      if (connections > 1) figures.reconnected();
    });
}

function createEventReader(
  deps: EventReaderDeps,
  figures: EventFigures,
  sequence: Sequence,
  onFirstEvent: () => void,
): EventReader {
  const { config, window, now } = deps;
  const { latencyPath, sequencePath } = config;
  let isLive = !deps.fromPast;
  let isFirst = true;

  function measure(sentMs: number): void {
    const nowMs = now();
    if (!isLive || nowMs < window.holdFromMs || nowMs >= window.holdToMs) return;
    if (nowMs < sentMs) figures.clockSkew();
    else figures.latency(nowMs - sentMs);
  }

  function follow(number: number): void {
    const { lost, isDuplicate } = sequence.next(number);
    if (lost > 0) figures.lost(lost);
    if (isDuplicate) figures.duplicate();
  }

  return ({ id, name, data }) => {
    // xk6-sse keeps the CR of CRLF line ends.
    const cleanId = id.trimEnd();
    if (cleanId !== '') deps.onId(cleanId);
    if (data === '') return;
    if (name.startsWith(OWN)) {
      if (name.trimEnd() === LIVE) isLive = true;
      return;
    }
    if (isFirst) {
      isFirst = false;
      onFirstEvent();
      deps.onFirstEvent();
    }
    const sentMs = latencyPath === null ? null : numberAt(data, latencyPath);
    if (sentMs !== null) measure(sentMs);
    const number = sequencePath === null ? null : numberAt(data, sequencePath);
    if (number !== null) follow(number);
  };
}
