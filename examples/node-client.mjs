// Reads a stream for as long as it runs: through restarts of gateways and proxies, and of itself.
// Usage: node examples/node-client.mjs <url> [file that keeps the last id]
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { createParser } from 'eventsource-parser';

const [url = 'http://localhost:3000/sse', idFile] = process.argv.slice(2);
let lastId = idFile === undefined ? '' : readId(idFile);
let retryMs = 1_000;

for (;;) {
  try {
    const res = await fetch(url, { headers: lastId === '' ? {} : { 'Last-Event-ID': lastId } });
    if (res.status !== 200) throw new Error(`status ${res.status}`);
    const parser = createParser({
      onEvent(event) {
        handle(event);
        // Only now: an event that was not handled is to come again.
        if (event.id !== undefined) keepId(event.id);
      },
      onRetry: (ms) => {
        retryMs = ms;
      },
    });
    for await (const text of res.body.pipeThrough(new TextDecoderStream())) parser.feed(text);
  } catch (error) {
    process.stderr.write(`${error.message}; trying again in ${retryMs} ms\n`);
  }
  await pause(retryMs);
}

function handle({ event, data }) {
  if (event === 'gateway.gap') process.stderr.write(`lost: ${data}\n`);
  else if (event === 'gateway.reset') process.stderr.write(`begins anew: ${data}\n`);
  else if (!event?.startsWith('gateway.')) process.stdout.write(`${data}\n`);
}

function readId(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return '';
    throw error;
  }
}

function keepId(id) {
  lastId = id;
  if (idFile !== undefined) writeFileSync(idFile, id);
}
