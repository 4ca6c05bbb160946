import { duration, textCell, timeOfDay } from './page.js';
import type { Notice, ReceivedEvent } from './received-event.js';

/** What the page shows, newest first: events, and the lines in between that tell of the connection. */
export interface EventTable {
  addEvent(event: ReceivedEvent, nowMs: number): void;
  addNotice(notice: Notice, nowMs: number): void;
  /** Holds back what comes, or shows it all. */
  setPaused(paused: boolean): void;
  clear(): void;
  /** Rows held back while paused. */
  readonly held: number;
}

export interface EventTableOptions {
  readonly body: HTMLTableSectionElement;
  /** Rows that are kept; the oldest go. */
  readonly maxRows: number;
  /** Something was shown, held back or removed. */
  readonly onChange: () => void;
}

const COLUMNS = 7;
const LONG_DATA = 200;

export function createEventTable({ body, maxRows, onChange }: EventTableOptions): EventTable {
  /** Oldest first. Shown together with the next frame, however many come. */
  let waiting: HTMLTableRowElement[] = [];
  let isPaused = false;
  let isScheduled = false;

  function add(row: HTMLTableRowElement): void {
    waiting.push(row);
    if (waiting.length > maxRows) waiting.shift();
    if (isPaused) onChange();
    else schedule();
  }

  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    requestAnimationFrame(() => {
      isScheduled = false;
      if (!isPaused) show();
    });
  }

  function show(): void {
    body.prepend(...waiting.reverse());
    waiting = [];
    while (body.rows.length > maxRows) body.deleteRow(-1);
    onChange();
  }

  return {
    addEvent: (event, nowMs) => add(eventRow(event, nowMs)),
    addNotice: (notice, nowMs) => add(noticeRow(notice, nowMs)),
    setPaused(paused) {
      isPaused = paused;
      if (paused) onChange();
      else show();
    },
    clear() {
      waiting = [];
      body.replaceChildren();
      onChange();
    },
    get held() {
      return isPaused ? waiting.length : 0;
    },
  };
}

function eventRow(
  { id, name, data, channel, source, latencyMs }: ReceivedEvent,
  nowMs: number,
): HTMLTableRowElement {
  const row = document.createElement('tr');
  row.dataset.event = name;
  row.append(
    textCell(timeOfDay(nowMs), { className: 'time' }),
    textCell(channel ?? '', { className: 'channel' }),
    nameCell(name),
    dataCell(data),
    textCell(latencyMs === null ? '' : duration(latencyMs), { className: 'number' }),
    textCell(source === null ? '' : `${source.topic}/${source.partition} @ ${source.offset}`, {
      className: 'place',
    }),
    textCell(id, { className: 'id', title: id }),
  );
  return row;
}

function nameCell(name: string): HTMLTableCellElement {
  const cell = document.createElement('td');
  if (name === 'message') {
    cell.className = 'quiet';
    cell.textContent = '–';
    cell.title = 'unnamed';
    return cell;
  }
  const tag = document.createElement('span');
  tag.className = name.startsWith('gateway.') ? 'tag own' : 'tag';
  tag.textContent = name;
  cell.append(tag);
  return cell;
}

/** Long data shows its beginning, and all of it when it is opened. */
function dataCell(data: string): HTMLTableCellElement {
  const cell = document.createElement('td');
  cell.className = 'data';
  const code = document.createElement('code');
  code.textContent = data;
  if (data.length <= LONG_DATA) {
    cell.append(code);
    return cell;
  }
  const details = document.createElement('details');
  const summary = document.createElement('summary');
  summary.textContent = `${data.slice(0, LONG_DATA)}…`;
  details.append(summary, code);
  cell.append(details);
  return cell;
}

function noticeRow({ severity, text }: Notice, nowMs: number): HTMLTableRowElement {
  const row = document.createElement('tr');
  row.className = 'notice';
  row.dataset.severity = severity;
  const cell = textCell(text);
  cell.colSpan = COLUMNS - 1;
  row.append(textCell(timeOfDay(nowMs), { className: 'time' }), cell);
  return row;
}
