import { connected, handle, incomplete, readTimeoutMs, stop, token, url } from './report.mjs';

// #region docs

import { EventSource } from 'launchdarkly-eventsource';

const headers = { Authorization: `Bearer ${token()}` };
const source = new EventSource(url, {
  headers,
  https: { rejectUnauthorized: true }, // by default it trusts any certificate
  readTimeoutMillis: readTimeoutMs,
  maxBackoffMillis: 30_000,
});
let status;
source.onopen = connected;
source.addEventListener('message', ({ data, lastEventId }) => handle(data, lastEventId));
source.addEventListener('gateway.gap', ({ data }) => incomplete(data));
source.addEventListener('gateway.reset', ({ data }) => incomplete(data));
source.onerror = (error) => {
  status = error.status;
}; // without a listener an error would be thrown
source.onretrying = () => {
  headers.Authorization = `Bearer ${token()}`;
};
source.onclosed = () => stop(status); // a 4xx; it reconnects after anything else
// #endregion
