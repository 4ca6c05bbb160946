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

/**
 * Reads an event stream, by the standard's rules (§9.2.6). An event that the stream's end cuts off is dropped.
 * The time grows with the text alone, however it is cut and however long its lines are.
 */
export function createFrameDecoder(listener: FrameDecoderListener): FrameDecoder {
  /** The parts of a line whose end has not come. */
  let parts: string[] = [];
  /** The last line ended in a CR at the end of a piece: a LF that follows belongs to it. */
  let isAfterCr = false;
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
      if (text === '') return;
      let from = (atStart && text[0] === '\uFEFF') || (isAfterCr && text[0] === '\n') ? 1 : 0;
      atStart = false;
      isAfterCr = false;
      let lf = lineEnd(text, '\n', from);
      let cr = lineEnd(text, '\r', from);
      while (from < text.length) {
        const end = Math.min(lf, cr);
        parts.push(text.slice(from, end));
        if (end === text.length) return;
        const whole = parts.length === 1 ? parts[0]! : parts.join('');
        parts = [];
        from = end + 1;
        if (end === cr) {
          if (from === text.length) isAfterCr = true;
          else if (from === lf) from++;
          cr = lineEnd(text, '\r', from);
        }
        // Looked for again only when it has been passed: a stream with one kind of line end is scanned once for the other.
        if (lf < from) lf = lineEnd(text, '\n', from);
        line(whole);
      }
    },
  };
}

/** The text's length when there is none. */
function lineEnd(text: string, end: string, from: number): number {
  const at = text.indexOf(end, from);
  return at < 0 ? text.length : at;
}
