import { createEventRate } from './event-rate.js';
import { createEventTable } from './event-table.js';
import { type ConnectionState, type LiveStream, openLiveStream } from './live-stream.js';
import { byId, duration, wholeNumber } from './page.js';
import { createPublishForm } from './publish-form.js';
import { createRateChart } from './rate-chart.js';
import { type Arrival, type Notice, noticeText, receivedEventOf } from './received-event.js';
import { createSubscriptionForm, type PageSubscription } from './subscription-form.js';
import { createUnheard } from './unheard.js';

/** The live page: what comes through the gateway, as a browser sees it. */

const MAX_ROWS = 500;
const RATE_SECONDS = 60;
const LATENCIES = 200;

const STATE_TEXTS: Record<ConnectionState, string> = {
  connecting: 'Connecting',
  open: 'Connected',
  reconnecting: 'Reconnecting',
  refused: 'Refused; trying again',
};

const connection = byId('connection', HTMLElement);
const pause = byId('pause', HTMLButtonElement);
const body = byId('rows', HTMLTableSectionElement);
const table = createEventTable({ body, maxRows: MAX_ROWS, onChange: showHeld });
const rate = createEventRate(RATE_SECONDS);
const chart = createRateChart(byId('chart', HTMLElement), RATE_SECONDS);
const latencies: number[] = [];
/** Names that events were published under from here. */
const learnedNames = new Set<string>();
let stream: LiveStream | null = null;
let unheard = createUnheard();
let isWhole = true;
let eventCount = 0;
let reconnects = 0;

function subscribe(subscription: PageSubscription): void {
  stream?.close();
  unheard = createUnheard();
  isWhole = subscription.isWhole;
  let state: ConnectionState = 'connecting';
  stream = openLiveStream({
    url: subscription.url,
    names: [...subscription.names, ...learnedNames],
    onEvent: receive,
    onState(next) {
      const wasLost = state === 'reconnecting' || state === 'refused';
      if (next === 'open' && wasLost) {
        reconnects++;
        notify({ severity: 'good', text: 'Connected again' });
      } else if (state === 'open') notify({ severity: 'warning', text: 'Connection lost; trying again' });
      // On the way back it is still lost.
      if (next !== 'connecting' || !wasLost) state = next;
      connection.dataset.state = state;
      connection.textContent = STATE_TEXTS[state];
      byId('reconnects', HTMLElement).textContent = wholeNumber(reconnects);
    },
  });
}

function receive(arrival: Arrival): void {
  const nowMs = Date.now();
  const event = receivedEventOf(arrival, nowMs);
  const notice = noticeText(event);
  if (notice !== null) {
    if (notice.severity === 'loss') unheard.forgetPlaces();
    notify(notice);
    return;
  }
  eventCount++;
  rate.add(nowMs);
  if (event.source !== null) unheard.see(event.source);
  if (event.latencyMs !== null) {
    latencies.push(event.latencyMs);
    if (latencies.length > LATENCIES) latencies.shift();
  }
  table.addEvent(event, nowMs);
}

function notify(notice: Notice): void {
  table.addNotice(notice, Date.now());
  // Said aloud, unlike the events, which are too many.
  byId('notice', HTMLElement).textContent = notice.text;
}

function showHeld(): void {
  byId('held', HTMLElement).textContent =
    table.held === 0
      ? ''
      : `${wholeNumber(table.held)}${table.held === MAX_ROWS ? ' or more' : ''} held back`;
  byId('empty', HTMLElement).hidden = body.rows.length > 0;
}

function showFigures(): void {
  const counts = rate.counts(Date.now());
  chart.show(counts);
  // The second that runs now is not over yet.
  byId('rate', HTMLElement).textContent = wholeNumber(counts.at(-2) ?? 0);
  byId('event-count', HTMLElement).textContent = wholeNumber(eventCount);
  const middle = [...latencies].sort((a, b) => a - b)[Math.floor(latencies.length / 2)];
  byId('latency', HTMLElement).textContent = middle === undefined ? '–' : duration(middle);
  const hint = byId('unheard', HTMLElement);
  hint.hidden = !isWhole || unheard.count === 0;
  hint.textContent = `${wholeNumber(unheard.count)} ${unheard.count === 1 ? 'record' : 'records'} passed unheard here: list the event names to see them.`;
}

pause.addEventListener('click', () => {
  const isPaused = pause.getAttribute('aria-pressed') !== 'true';
  pause.setAttribute('aria-pressed', String(isPaused));
  table.setPaused(isPaused);
});
byId('clear', HTMLButtonElement).addEventListener('click', () => table.clear());

createPublishForm((name) => {
  learnedNames.add(name);
  stream?.hear(name);
});
subscribe(createSubscriptionForm(subscribe));
showFigures();
setInterval(showFigures, 1_000);
