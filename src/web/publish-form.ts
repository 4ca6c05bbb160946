import { byId } from './page.js';

interface Stored {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
}

interface Problem {
  readonly title?: string;
  readonly detail?: string;
}

/** The form that posts an event. `onPublish` gets its name before it is sent, so that the page can listen for it. */
export function createPublishForm(onPublish: (name: string) => void): void {
  const form = byId('publish', HTMLFormElement);
  const channel = byId('publish-channel', HTMLInputElement);
  const name = byId('publish-event', HTMLInputElement);
  const data = byId('publish-data', HTMLTextAreaElement);
  const answer = byId('published', HTMLElement);

  function tell(text: string, isFault: boolean): void {
    answer.textContent = text;
    answer.classList.toggle('fault', isFault);
  }

  async function publish(): Promise<void> {
    const event = name.value.trim();
    if (event !== '') onPublish(event);
    // The slashes between segments stay; a leading one, which is optional, is already in the path.
    const path = channel.value.trim().replace(/^\//, '').split('/').map(encodeURIComponent).join('/');
    const query = event === '' ? '' : `?event=${encodeURIComponent(event)}`;
    const response = await fetch(`broadcast/${path}${query}`, {
      method: 'POST',
      body: data.value,
      headers: { 'Content-Type': 'text/plain; charset=utf-8' },
    });
    if (response.ok) {
      const { topic, partition, offset } = (await response.json()) as Stored;
      tell(`Stored at ${topic}/${partition} @ ${offset}`, false);
    } else {
      // A proxy may have answered with an error page instead of problem JSON.
      const problem = (await response.json().catch(() => ({}))) as Problem;
      tell(`${response.status}: ${problem.detail ?? problem.title ?? 'rejected'}`, true);
    }
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    publish().catch((error: Error) => tell(`Not sent: ${error.message}`, true));
  });
}
