import { createEventRate } from './event-rate.js';
import { createEventTable } from './event-table.js';
import { createHiddenRecords } from './hidden-records.js';
import { type ConnectionState, type LiveStream, openLiveStream } from './live-stream.js';
import { byId, duration, setText, wholeNumber } from './page.js';
import { createPublishForm } from './publish-form.js';
import { createRateChart } from './rate-chart.js';
import { type Arrival, type Notice, noticeText, receivedEventOf } from './received-event.js';
import { createSubscriptionForm, type PageSubscription } from './subscription-form.js';

/** The live page: the events of a subscription, as a browser receives them. */

const MAX_ROWS = 500;
const RATE_SECONDS = 60;
const LATENCIES = 200;

const STATE_TEXTS: Record<ConnectionState, string> = {
  connecting: 'Connecting',
  open: 'Connected',
  reconnecting: 'Reconnecting',
  rejected: 'Rejected; retrying',
};

const connection = byId('connection', HTMLElement);
const pause = byId('pause', HTMLButtonElement);
const body = byId('rows', HTMLTableSectionElement);
const table = createEventTable({ body, maxRows: MAX_ROWS, onChange: showWaiting });
const rate = createEventRate(RATE_SECONDS);
const chart = createRateChart(byId('chart', HTMLElement), RATE_SECONDS);
const latencies: number[] = [];
/** Event names published from this page. */
const learnedNames = new Set<string>();
let stream: LiveStream | null = null;
let hidden = createHiddenRecords();
let isWhole = true;
let eventCount = 0;
let reconnects = 0;

function subscribe(subscription: PageSubscription): void {
  stream?.close();
  hidden = createHiddenRecords();
  isWhole = subscription.isWhole;
  let state: ConnectionState = 'connecting';
  stream = openLiveStream({
    url: subscription.url,
    names: [...subscription.names, ...learnedNames],
    onEvent: receive,
    onState(next) {
      const wasLost = state === 'reconnecting' || state === 'rejected';
      if (next === 'open' && wasLost) {
        reconnects++;
        notify({ severity: 'good', text: 'Reconnected' });
      } else if (state === 'open') notify({ severity: 'warning', text: 'Connection lost; reconnecting' });
      // While reconnecting, the connection still counts as lost.
      if (next !== 'connecting' || !wasLost) state = next;
      connection.dataset.state = state;
      connection.textContent = STATE_TEXTS[state];
      setText('reconnects', wholeNumber(reconnects));
    },
  });
}

function receive(arrival: Arrival): void {
  const nowMs = Date.now();
  const event = receivedEventOf(arrival, nowMs);
  const notice = noticeText(event);
  if (notice !== null) {
    if (notice.severity === 'loss') hidden.forgetPositions();
    notify(notice);
    return;
  }
  eventCount++;
  rate.add(nowMs);
  if (event.source !== null) hidden.see(event.source);
  if (event.latencyMs !== null) {
    latencies.push(event.latencyMs);
    if (latencies.length > LATENCIES) latencies.shift();
  }
  table.addEvent(event, nowMs);
}

function notify(notice: Notice): void {
  table.addNotice(notice, Date.now());
  // For screen readers, which would announce too many events.
  setText('notice', notice.text);
}

function showWaiting(): void {
  const more = table.waiting === MAX_ROWS ? ' or more' : '';
  setText('waiting', table.waiting === 0 ? '' : `${wholeNumber(table.waiting)}${more} waiting`);
  byId('empty', HTMLElement).hidden = body.rows.length > 0;
}

function showFigures(): void {
  const counts = rate.counts(Date.now());
  chart.show(counts);
  // The last count is of the current second, which is not over.
  setText('rate', wholeNumber(counts.at(-2) ?? 0));
  setText('event-count', wholeNumber(eventCount));
  const middle = [...latencies].sort((a, b) => a - b)[Math.floor(latencies.length / 2)];
  setText('latency', middle === undefined ? '–' : duration(middle));
  const hint = byId('hidden', HTMLElement);
  hint.hidden = !isWhole || hidden.count === 0;
  hint.textContent = `${wholeNumber(hidden.count)} ${hidden.count === 1 ? 'record' : 'records'} hidden: only unnamed events and the event names listed under Subscription are shown.`;
}

pause.addEventListener('click', () => {
  const isPaused = pause.getAttribute('aria-pressed') !== 'true';
  pause.setAttribute('aria-pressed', String(isPaused));
  table.setPaused(isPaused);
});
byId('clear', HTMLButtonElement).addEventListener('click', () => table.clear());

createPublishForm((name) => {
  learnedNames.add(name);
  stream?.listenFor(name);
});
subscribe(createSubscriptionForm(subscribe));
showFigures();
setInterval(showFigures, 1_000);
