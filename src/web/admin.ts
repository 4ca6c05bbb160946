import type { AdminConnection, AdminStatus } from '../status/admin-report.ts';
import { age, byId, setText, tag, textCell, wholeNumber } from './page.js';

/** The admin page: the oldest, fullest or furthest-behind streams, refreshed every two seconds. */

const REFRESH_MS = 2_000;
/** Without an answer for this long the gateway counts as unreachable: a lost network gives no error for minutes. */
const ANSWER_MS = 5_000;
const KIB = 1_024;

const sort = new URLSearchParams(location.search).get('sort') ?? 'age';
const pill = byId('status', HTMLElement);

function setStatus(text: string, state: 'open' | 'reconnecting' | 'rejected'): void {
  // A screen reader announces it only when it changes.
  if (pill.textContent !== text) pill.textContent = text;
  pill.dataset.state = state;
}

function bytes(count: number): string {
  if (count < KIB) return `${count} B`;
  return count < KIB * KIB ? `${(count / KIB).toFixed(1)} KiB` : `${(count / KIB / KIB).toFixed(1)} MiB`;
}

function rowOf(connection: AdminConnection, nowS: number): HTMLTableRowElement {
  const row = document.createElement('tr');
  const phase = document.createElement('td');
  const name = tag(connection.phase);
  name.dataset.state = connection.phase;
  phase.append(name);
  row.append(
    phase,
    textCell(connection.request_path, { className: 'channel' }),
    textCell(connection.namespace, { className: 'channel' }),
    textCell(connection.client_ip, { className: 'place' }),
    textCell(connection.user_agent, { className: 'agent', title: connection.user_agent }),
    textCell(age(nowS - connection.created_at), { className: 'number' }),
    textCell(wholeNumber(connection.msgs_sent), { className: 'number' }),
    textCell(bytes(connection.buffered_bytes), { className: 'number' }),
    textCell(wholeNumber(connection.behind), { className: 'number' }),
  );
  return row;
}

function show(status: AdminStatus): void {
  const { connections, connections_total: total, reported_at: nowS } = status;
  if (status.status === 'OK') setStatus('OK', 'open');
  else setStatus(status.status, 'reconnecting');
  setText('node', status.node);
  setText('uptime', age(nowS - status.startup_time));
  setText('total', wholeNumber(total));
  setText('broadcast', wholeNumber(status.msgs_broadcast));
  setText('reported', new Date(nowS * 1_000).toLocaleTimeString('en-GB'));
  setText(
    'shown',
    total > connections.length ? `${wholeNumber(connections.length)} of ${wholeNumber(total)}` : '',
  );
  byId('rows', HTMLTableSectionElement).replaceChildren(...connections.map((each) => rowOf(each, nowS)));
  byId('empty', HTMLElement).hidden = connections.length > 0;
}

async function refresh(): Promise<void> {
  try {
    const response = await fetch(`status.json?sort=${encodeURIComponent(sort)}`, {
      cache: 'no-store',
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    if (response.ok) show((await response.json()) as AdminStatus);
    else setStatus(`Answered ${response.status}`, 'rejected');
  } catch {
    setStatus('Gateway unreachable; retrying', 'reconnecting');
  }
  setTimeout(refresh, REFRESH_MS);
}

for (const link of document.querySelectorAll<HTMLElement>('.tabs [data-sort]')) {
  if (link.dataset.sort === sort) link.setAttribute('aria-current', 'page');
}
for (const head of document.querySelectorAll<HTMLElement>('th[data-sort]')) {
  if (head.dataset.sort === sort) head.setAttribute('aria-sort', 'descending');
}
void refresh();
