import { ALWAYS_HEARD, type Arrival, HEARD_FOR_IDS } from './received-event.js';

export type ConnectionState = 'connecting' | 'open' | 'reconnecting' | 'refused';

export interface LiveStreamOptions {
  /** Without `lastEventId`; relative to the page. */
  readonly url: string;
  readonly names: Iterable<string>;
  readonly onEvent: (event: Arrival) => void;
  readonly onState: (state: ConnectionState) => void;
}

export interface LiveStream {
  /** A browser dispatches a named event only to those who listen for its name. */
  hear(name: string): void;
  close(): void;
}

const RETRY_REFUSED_MS = 5_000;

/** A browser comes back by itself whenever a connection breaks, but never after a refusal: then this does. */
export function openLiveStream({ url, names, onEvent, onState }: LiveStreamOptions): LiveStream {
  const heard = new Set<string>([...ALWAYS_HEARD, ...names]);
  let lastEventId = '';
  let timer: number | undefined;
  let source = open();

  function open(): EventSource {
    onState('connecting');
    const resumed = lastEventId === '' ? '' : `&lastEventId=${encodeURIComponent(lastEventId)}`;
    const opened = new EventSource(url + resumed);
    opened.onopen = () => onState('open');
    opened.onerror = () => {
      if (opened.readyState !== EventSource.CLOSED) {
        onState('reconnecting');
        return;
      }
      onState('refused');
      timer = window.setTimeout(() => {
        source = open();
      }, RETRY_REFUSED_MS);
    };
    for (const name of heard) opened.addEventListener(name, receive);
    for (const name of HEARD_FOR_IDS) opened.addEventListener(name, keepId);
    return opened;
  }

  function keepId(event: MessageEvent<string>): void {
    lastEventId = event.lastEventId;
  }

  function receive(event: MessageEvent<string>): void {
    keepId(event);
    onEvent(event);
  }

  return {
    hear(name) {
      if (heard.has(name)) return;
      heard.add(name);
      source.addEventListener(name, receive);
    },
    close() {
      clearTimeout(timer);
      source.close();
    },
  };
}
