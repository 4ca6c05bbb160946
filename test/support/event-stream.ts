import { EventStream, type EventStreamOptions, type StreamEvent } from '../../src/client/event-stream';

export interface TestStream {
  readonly stream: EventStream;
  /** What `onEvent` was given. */
  readonly events: readonly StreamEvent[];
  /** Status and message of each error event. */
  readonly errors: readonly { status: number; message: string | null }[];
}

const open = new Set<EventStream>();

// Registered here, so that no test can forget it.
afterEach(() => {
  for (const stream of open) stream.close();
  open.clear();
});

/** Closes the stream after the test, however that ends: it would come back for ever. */
export function closeAfterTest(stream: EventStream): EventStream {
  open.add(stream);
  return stream;
}

/** The client library, closed after the test; it comes back at once unless the options say otherwise. */
export function openEventStream(url: string, options: EventStreamOptions = {}): TestStream {
  const events: StreamEvent[] = [];
  const errors: TestStream['errors'][number][] = [];
  const stream = new EventStream(url, { retryMs: 10, onEvent: (event) => events.push(event), ...options });
  stream.addEventListener('error', ({ status, error }) => {
    errors.push({ status, message: error === null ? null : (error as Error).message });
  });
  closeAfterTest(stream);
  return { stream, events, errors };
}
