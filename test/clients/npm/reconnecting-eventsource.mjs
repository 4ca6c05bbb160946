import { connected, handle, incomplete, stop, token, url } from './report.mjs';

// #region docs

import { EventSource } from 'eventsource-4';
import ReconnectingEventSource from 'reconnecting-eventsource';

const source = new ReconnectingEventSource(url, {
  eventSourceClass: EventSource, // of `eventsource`, in Node; a browser has its own, which takes no `fetch`
  fetch: async (input, init) => {
    const headers = { ...init.headers, Authorization: `Bearer ${token()}` };
    const response = await fetch(input, { ...init, headers });
    if (response.status >= 400 && response.status < 500) {
      source.close(); // it would ask again for ever
      stop(response.status);
    }
    return response;
  },
});
source.onopen = connected;
// Never `onmessage`: it keeps no id, and beside a listener for `message` it hears everything twice.
source.addEventListener('message', ({ data, lastEventId }) => handle(data, lastEventId));
source.addEventListener('gateway.gap', ({ data }) => incomplete(data));
source.addEventListener('gateway.reset', ({ data }) => incomplete(data));
// It remembers ids only of names that somebody listens to.
source.addEventListener('gateway.open', () => undefined);
source.addEventListener('gateway.position', () => undefined);
// #endregion
