import { duration, tag, textCell, timeOfDay } from './page.js';
import type { Notice, ReceivedEvent } from './received-event.js';

/** The rows of the page, newest first: events, and notices about the stream in between. */
interface EventTable {
  addEvent(event: ReceivedEvent, nowMs: number): void;
  addNotice(notice: Notice, nowMs: number): void;
  /** Paused: new rows wait; they are shown when it ends. */
  setPaused(paused: boolean): void;
  clear(): void;
  /** Rows that wait while paused. */
  readonly waiting: number;
}

interface EventTableOptions {
  readonly body: HTMLTableSectionElement;
  /** The oldest rows beyond it are removed. */
  readonly maxRows: number;
  /** Rows were shown, added to the waiting ones, or removed. */
  readonly onChange: () => void;
}

const COLUMNS = 7;
const LONG_DATA = 200;

export function createEventTable({ body, maxRows, onChange }: EventTableOptions): EventTable {
  /** Oldest first. Coalesced: all of them are shown in the next animation frame. */
  let queue: HTMLTableRowElement[] = [];
  let isPaused = false;
  let isScheduled = false;

  function add(row: HTMLTableRowElement): void {
    queue.push(row);
    if (queue.length > maxRows) queue.shift();
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
    body.prepend(...queue.reverse());
    queue = [];
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
      queue = [];
      body.replaceChildren();
      onChange();
    },
    get waiting() {
      return isPaused ? queue.length : 0;
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
  cell.append(tag(name, name.startsWith('gateway.') ? 'tag own' : 'tag'));
  return cell;
}

/** Long data is folded after its beginning. */
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
