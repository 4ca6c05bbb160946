// Prints the events of a stream, and goes on where it was after it has been stopped, killed or restarted.
// Usage: node examples/node-client.mjs [url] [file that keeps the last id]
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { EventStream } from 'kafka-sse-gateway/client';

const [url = 'http://localhost:3000/events', idFile = 'last-event-id'] = process.argv.slice(2);
const note = (text) => process.stderr.write(`${text}\n`);

const stream = new EventStream(url, {
  ...(existsSync(idFile) && { lastEventId: readFileSync(idFile, 'utf8') }),
  onGap: ({ topic, lost }) => note(`${lost} events of ${topic} are gone`),
  onReset: ({ reason }) => note(`begins anew: ${reason}`),
});
stream.onerror = ({ error }) => note(`trying again: ${error ?? 'the stream has ended'}`);

for await (const { data, lastEventId } of stream) {
  process.stdout.write(`${data}\n`);
  // Only now, since an event that was not handled is to come again; and renamed, so that the file is always whole.
  writeFileSync(`${idFile}.new`, lastEventId);
  renameSync(`${idFile}.new`, idFile);
}
