import { eventFigures } from './event-metrics.ts';
import { createEventReaders, type EventReader, type EventReaderDeps } from './event-reader.ts';

/** Needed by a stream when the script reads its events. */
export function createReaders(): (deps: EventReaderDeps) => EventReader {
  return createEventReaders(eventFigures);
}
