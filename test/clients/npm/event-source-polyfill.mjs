import { connected, handle, incomplete, readTimeoutMs, stop, token, url } from './report.mjs';

// #region docs

import { EventSourcePolyfill } from 'event-source-polyfill';

const source = new EventSourcePolyfill(url, {
  headers: { Authorization: `Bearer ${token()}` },
  heartbeatTimeout: readTimeoutMs,
});
source.addEventListener('open', connected);
source.addEventListener('message', ({ data, lastEventId }) => handle(data, lastEventId));
source.addEventListener('gateway.gap', ({ data }) => incomplete(data));
source.addEventListener('gateway.reset', ({ data }) => incomplete(data));
source.addEventListener('error', ({ status }) => {
  source.headers = { Authorization: `Bearer ${token()}` }; // for the next connection
  if (source.readyState === EventSourcePolyfill.CLOSED) stop(status); // it reconnects after anything else
});
// #endregion
