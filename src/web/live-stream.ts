import { ALWAYS_SHOWN, type Arrival, ONLY_FOR_IDS } from './received-event.js';

export type ConnectionState = 'connecting' | 'open' | 'reconnecting' | 'rejected';

interface LiveStreamOptions {
  /** Without `lastEventId`; relative to the page. */
  readonly url: string;
  readonly names: Iterable<string>;
  readonly onEvent: (event: Arrival) => void;
  readonly onState: (state: ConnectionState) => void;
}

export interface LiveStream {
  /** A browser dispatches a named event only to listeners for that name. */
  listenFor(name: string): void;
  close(): void;
}

const RETRY_REJECTED_MS = 5_000;

/** A browser reconnects by itself when a connection breaks, but not after an error status: then this does. */
export function openLiveStream({ url, names, onEvent, onState }: LiveStreamOptions): LiveStream {
  const listened = new Set<string>([...ALWAYS_SHOWN, ...names]);
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
      onState('rejected');
      timer = window.setTimeout(() => {
        source = open();
      }, RETRY_REJECTED_MS);
    };
    for (const name of listened) opened.addEventListener(name, receive);
    for (const name of ONLY_FOR_IDS) opened.addEventListener(name, keepId);
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
    listenFor(name) {
      if (listened.has(name)) return;
      listened.add(name);
      source.addEventListener(name, receive);
    },
    close() {
      clearTimeout(timer);
      source.close();
    },
  };
}
