/** The element of the page's own HTML with this id. @throws Error when the HTML and the script do not fit together */
export function byId<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`the page has no ${type.name} #${id}`);
  return found;
}

/** A table cell with text, which is never parsed as markup. */
export function textCell(
  text: string,
  { className, title }: { readonly className?: string; readonly title?: string } = {},
): HTMLTableCellElement {
  const cell = document.createElement('td');
  cell.textContent = text;
  if (className !== undefined) cell.className = className;
  if (title !== undefined) cell.title = title;
  return cell;
}

/** A word that the style sheet colours. */
export function tag(text: string, className = 'tag'): HTMLSpanElement {
  const span = document.createElement('span');
  span.className = className;
  span.textContent = text;
  return span;
}

export function setText(id: string, text: string): void {
  byId(id, HTMLElement).textContent = text;
}

const WHOLE = new Intl.NumberFormat('en');

export function wholeNumber(value: number): string {
  return WHOLE.format(value);
}

/** `850 ms`, `4.2 s`, `3 min 5 s`, `2 h 10 min`, `5 d 3 h`: short enough for a figure. */
export function duration(ms: number): string {
  const sign = ms < 0 ? '−' : '';
  const total = Math.abs(ms);
  if (total < 1_000) return `${sign}${Math.round(total)} ms`;
  if (total < 60_000) return `${sign}${(total / 1_000).toFixed(1)} s`;
  const seconds = Math.floor(total / 1_000);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  if (hours === 0) return `${sign}${minutes} min ${seconds % 60} s`;
  if (days === 0) return `${sign}${hours} h ${minutes % 60} min`;
  return `${sign}${days} d ${hours % 24} h`;
}

/** The same for a duration in whole seconds. */
export function age(seconds: number): string {
  return seconds < 60 ? `${seconds} s` : duration(seconds * 1_000);
}

export function timeOfDay(timeMs: number): string {
  const date = new Date(timeMs);
  return `${date.toLocaleTimeString('en-GB')}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}
