// better-sse as its documentation shows it: one channel, a session for each client, on Express.
import { createChannel, createSession } from 'better-sse';
import express from 'express';

const app = express();
const channel = createChannel();

app.get('/events', async (req, res) => {
  channel.register(await createSession(req, res));
});

app.post('/events', express.json({ limit: '1mb' }), (req, res) => {
  for (const { data } of req.body) channel.broadcast(data, 'message');
  res.sendStatus(202);
});

const server = app.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => {
  process.stdout.write(`${JSON.stringify({ port: server.address().port })}\n`);
});
