import { connected, handle, incomplete, stop, token, url } from './report.mjs';

// #region docs

import { EventSource } from 'eventsource-4';

const source = new EventSource(url, {
  fetch: (input, init) =>
    fetch(input, { ...init, headers: { ...init.headers, Authorization: `Bearer ${token()}` } }),
});
source.addEventListener('open', connected);
source.addEventListener('message', ({ data, lastEventId }) => handle(data, lastEventId));
source.addEventListener('gateway.gap', ({ data }) => incomplete(data));
source.addEventListener('gateway.reset', ({ data }) => incomplete(data));
source.addEventListener('error', ({ code }) => {
  if (source.readyState === EventSource.CLOSED) stop(code); // a 4xx; it reconnects after anything else
});
// #endregion
