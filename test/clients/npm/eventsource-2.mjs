import { connected, handle, incomplete, stop, token, url } from './report.mjs';

// #region docs

import EventSource from 'eventsource-2';

const headers = { Authorization: `Bearer ${token()}` };
const source = new EventSource(url, { headers, https: { rejectUnauthorized: true } });
// It takes an id as soon as it reads the line. What stands in `headers` wins: the id of what was handed over.
const keepId = ({ lastEventId }) => {
  headers['Last-Event-ID'] = lastEventId;
};
source.addEventListener('open', connected);
source.addEventListener('message', ({ data, lastEventId }) => handle(data, lastEventId));
source.addEventListener('gateway.gap', ({ data }) => incomplete(data));
source.addEventListener('gateway.reset', ({ data }) => incomplete(data));
for (const name of ['message', 'open', 'position', 'live', 'gap', 'reset'])
  source.addEventListener(name === 'message' ? name : `gateway.${name}`, keepId);
source.addEventListener('error', ({ status }) => {
  headers.Authorization = `Bearer ${token()}`; // for the next connection
  if (status >= 400 && status < 500) stop(status); // it is closed now; it reconnects after anything else
});
// #endregion
