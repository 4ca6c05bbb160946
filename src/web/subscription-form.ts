import { byId } from './page.js';

export interface PageSubscription {
  /** Relative to the page, so that it works behind a path prefix. */
  readonly url: string;
  /** The event names to filter by; empty: all. */
  readonly names: readonly string[];
  /** Nothing is filtered out: every record is expected. */
  readonly isWhole: boolean;
}

/** The subscription form. Its fields are in the page's address, so that a link carries them. */
export function createSubscriptionForm(
  onSubscribe: (subscription: PageSubscription) => void,
): PageSubscription {
  const form = byId('filter', HTMLFormElement);
  const channel = byId('channel', HTMLInputElement);
  const names = byId('names', HTMLInputElement);
  const from = byId('from', HTMLSelectElement);
  const asked = new URLSearchParams(location.search);
  channel.value = asked.get('channel') ?? channel.value;
  names.value = asked.get('names') ?? names.value;
  from.value = asked.get('from') ?? from.value;

  function current(): PageSubscription {
    const channels = list(channel.value);
    const wanted = list(names.value);
    const query = new URLSearchParams({ meta: '1' });
    for (const path of channels) query.append('channel', path);
    if (wanted.length > 0) query.set('event', wanted.join(','));
    if (from.value !== '') query.set('from', from.value);
    const isWhole = wanted.length === 0 && (channels.length === 0 || channels.includes('/'));
    showCommand(channels, wanted);
    return { url: `events?${query}`, names: wanted, isWhole };
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const query = new URLSearchParams();
    for (const field of [channel, names, from]) if (field.value !== '') query.set(field.name, field.value);
    history.replaceState(null, '', `?${query}`);
    onSubscribe(current());
  });
  return current();
}

/** The `curl` command of the subscription, without the query's defaults. */
function showCommand(channels: readonly string[], names: readonly string[]): void {
  const fields = channels.filter((path) => path !== '/').map((path) => `channel=${encodeURI(path)}`);
  if (names.length > 0) fields.push(`event=${names.map(encodeURIComponent).join(',')}`);
  const url = new URL('events', document.baseURI).href;
  byId('shell', HTMLElement).textContent =
    `curl -N '${url}${fields.length === 0 ? '' : `?${fields.join('&')}`}'`;
}

function list(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
