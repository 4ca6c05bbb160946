import { eventFigures } from './event-metrics.ts';
import { createEventReaders, type EventReader, type EventReaderDeps } from './event-reader.ts';

/** What one stream needs when the module does not read its events by itself. */
export function createReaders(): (deps: EventReaderDeps) => EventReader {
  return createEventReaders(eventFigures);
}
