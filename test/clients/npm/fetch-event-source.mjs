import './browser.mjs';
import { connected, handle, incomplete, stop, token, url } from './report.mjs';

// #region docs

import { fetchEventSource } from '@microsoft/fetch-event-source';

class Refused extends Error {}
let lastId;

fetchEventSource(url, {
  openWhenHidden: true,
  // It takes an id as soon as it reads the line, and the headers once. Here both are those of this connection.
  fetch: (input, init) => {
    const headers = { ...init.headers, Authorization: `Bearer ${token()}` };
    if (lastId !== undefined) headers['last-event-id'] = lastId;
    return fetch(input, { ...init, headers });
  },
  async onopen({ status }) {
    if (status >= 400 && status < 500) throw new Refused(status);
    if (status !== 200) throw new Error(`status ${status}`);
    connected();
  },
  onmessage({ event, data, id }) {
    if (event === '') handle(data, id);
    if (event === 'gateway.gap' || event === 'gateway.reset') incomplete(data);
    if (id !== '') lastId = id;
  },
  // Without this the end of a stream is the end of all.
  onclose() {
    throw new Error('the stream has ended');
  },
  onerror(error) {
    if (error instanceof Refused) throw error; // anything else is retried after the time that the gateway said
  },
}).catch(({ message }) => stop(message));
// #endregion
