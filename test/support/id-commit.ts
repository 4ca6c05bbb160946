/**
 * When a client library takes an id over:
 * `with-data`: at the end of a block that has data (eventsource 3 and 4, okhttp-sse, sseclient-py and others);
 * `at-line`: as soon as the line is read (eventsource 2, fetch-event-source).
 * The HTML standard's own rule, at the end of any block, is in src/wire/frame-decoder.ts.
 */
export type IdCommit = 'with-data' | 'at-line';

export interface SeenByClient {
  /** What it would send as `Last-Event-ID`; empty before it took one. */
  readonly lastEventId: string;
  readonly events: readonly { readonly event: string; readonly data: string }[];
}

/** What such a client has of a stream whose text, LF as line end, was cut here. */
export function seenBy(commit: IdCommit, text: string): SeenByClient {
  const events: { event: string; data: string }[] = [];
  let lastEventId = '';
  let id = '';
  let event = 'message';
  let data: string[] = [];
  for (const line of text.split('\n').slice(0, -1)) {
    const [, field, value] = /^(\w+): (.*)$/.exec(line) ?? [];
    if (field === 'id') id = value!;
    else if (field === 'event') event = value!;
    else if (field === 'data') data.push(value!);
    if (commit === 'at-line') lastEventId = id;
    if (line !== '') continue;
    if (data.length > 0) {
      lastEventId = id;
      events.push({ event, data: data.join('\n') });
    }
    event = 'message';
    data = [];
  }
  return { lastEventId, events };
}
