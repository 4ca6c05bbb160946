/** An event as a client sees it (HTML standard §9.2.6). */
export interface DecodedEvent {
  /** The last id seen on the stream, not only in this event; empty when there was none or it was reset. */
  readonly lastEventId: string;
  /** `message` when the event has no name. */
  readonly event: string;
  readonly data: string;
}

interface FrameDecoderListener {
  onEvent(event: DecodedEvent): void;
  /** A `retry:` line of digits only. */
  onRetry?(retryMs: number): void;
  /** The text after the colon of a comment line. */
  onComment?(text: string): void;
  /** A block committed an id, whether or not it carried data. */
  onId?(lastEventId: string): void;
}

export interface FrameDecoder {
  /** Takes the stream's text in pieces of any length. */
  push(text: string): void;
}

/** Reads an event stream (§9.2.6) in linear time, whatever the pieces. An incomplete event at the end is dropped. */
export function createFrameDecoder(listener: FrameDecoderListener): FrameDecoder {
  /** The parts of an incomplete line. */
  let parts: string[] = [];
  /** The last line ended in a CR: a LF that follows belongs to it. */
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
      /** Searched again only after it was passed: text with one kind of line end is scanned once for the other. */
      const next = (lineEnd: string, last: number) => {
        if (last >= from) return last;
        const at = text.indexOf(lineEnd, from);
        return at < 0 ? text.length : at;
      };
      let from = atStart && text[0] === '\uFEFF' ? 1 : 0;
      atStart &&= text === '';
      let lf = -1;
      let cr = -1;
      while (from < text.length) {
        if (isAfterCr && text[from] === '\n') from++;
        isAfterCr = false;
        lf = next('\n', lf);
        cr = next('\r', cr);
        const end = Math.min(lf, cr);
        parts.push(text.slice(from, end));
        from = end + 1;
        if (end === text.length) return;
        isAfterCr = end === cr;
        const whole = parts.join('');
        parts = [];
        line(whole);
      }
    },
  };
}
