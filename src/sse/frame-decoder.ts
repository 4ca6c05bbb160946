/** An event as the HTML standard §9.2.6 says a client sees it. */
export interface DecodedEvent {
  /** The last id seen on the stream, not only in this event; empty when there was none or it was reset. */
  readonly lastEventId: string;
  /** `message` when the event has no name. */
  readonly event: string;
  readonly data: string;
}

export interface FrameDecoderListener {
  onEvent(event: DecodedEvent): void;
  /** A `retry:` line of digits only. */
  onRetry?(retryMs: number): void;
  /** The text after the colon of a comment line. */
  onComment?(text: string): void;
  /** A block committed an id, whether or not it carried data. */
  onId?(lastEventId: string): void;
}

export interface FrameDecoder {
  /** Takes the stream's text as it comes, cut anywhere. */
  push(text: string): void;
}

/** Reads an event stream, by the standard's rules (§9.2.6). An event that the stream's end cuts off is dropped. */
export function createFrameDecoder(listener: FrameDecoderListener): FrameDecoder {
  let rest = '';
  let atStart = true;
  let data: string[] = [];
  let event = '';
  let id: string | null = null;
  let lastEventId = '';

  function dispatch(): void {
    if (id !== null) {
      lastEventId = id;
      listener.onId?.(lastEventId);
    }
    if (data.length > 0) listener.onEvent({ lastEventId, event: event || 'message', data: data.join('\n') });
    data = [];
    event = '';
    id = null;
  }

  function line(text: string): void {
    const colon = text.indexOf(':');
    const field = colon < 0 ? text : text.slice(0, colon);
    const from = text[colon + 1] === ' ' ? colon + 2 : colon + 1;
    const value = colon < 0 ? '' : text.slice(from);
    if (text === '') dispatch();
    else if (colon === 0) listener.onComment?.(text.slice(1));
    else if (field === 'data') data.push(value);
    else if (field === 'event') event = value;
    else if (field === 'id' && !value.includes('\0')) id = value;
    else if (field === 'retry' && /^[0-9]+$/.test(value)) listener.onRetry?.(Number(value));
  }

  return {
    push(text) {
      rest += text;
      if (atStart && rest !== '') {
        if (rest.startsWith('\uFEFF')) rest = rest.slice(1);
        atStart = false;
      }
      let from = 0;
      for (;;) {
        const end = nextLineEnd(rest, from);
        // A CR at the end may be the first half of a CRLF whose LF is still to come.
        if (end < 0 || (rest[end] === '\r' && end === rest.length - 1)) break;
        line(rest.slice(from, end));
        from = end + (rest[end] === '\r' && rest[end + 1] === '\n' ? 2 : 1);
      }
      rest = rest.slice(from);
    },
  };
}

function nextLineEnd(text: string, from: number): number {
  const lf = text.indexOf('\n', from);
  const cr = text.indexOf('\r', from);
  return lf < 0 || cr < 0 ? Math.max(lf, cr) : Math.min(lf, cr);
}
