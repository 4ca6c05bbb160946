// A simple design: Express, and one EventEmitter with a listener per client.
import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import express from 'express';

const MAX_LISTENERS = 250_000;

const app = express();
const events = new EventEmitter();
events.setMaxListeners(MAX_LISTENERS);

app.get('/events', (req, res) => {
  res.writeHead(200, {
    'Content-Type': 'text/event-stream;charset=utf-8',
    'Cache-Control': 'no-cache, no-transform',
    Connection: 'keep-alive',
    'X-Accel-Buffering': 'no',
  });
  res.write(':ok\n\n');
  const listener = (message) => res.write(message);
  events.on('sse', listener);
  req.on('close', () => events.off('sse', listener));
});

app.post('/events', express.json({ limit: '1mb' }), (req, res) => {
  for (const { data } of req.body) {
    events.emit('sse', `id: ${randomUUID()}\ndata: ${JSON.stringify(data)}\n\n`);
  }
  res.sendStatus(202);
});

const server = app.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => {
  process.stdout.write(`${JSON.stringify({ port: server.address().port })}\n`);
});
