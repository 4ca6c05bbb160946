import type { ServerResponse } from 'node:http';

/** A JSON answer to a publisher. */
export function sendAccepted(
  res: ServerResponse,
  status: number,
  answer: object,
  headers: Readonly<Record<string, string>>,
): void {
  const body = Buffer.from(JSON.stringify(answer));
  res.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': body.length, ...headers });
  res.end(body);
}
