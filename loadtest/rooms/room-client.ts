import { connect, type Socket } from 'node:net';

/** Receives `data: <milliseconds>` lines; called with the text after `data: `. */
export type OnData = (data: string) => void;

export interface RoomClient {
  close(): void;
}

const DATA_LINE = /^data: (\d+)$/gm;

/**
 * One stream over a bare socket: a load client must cost less than what it measures. Resolves with the stream's
 * `:ok`. Rejects when it ends before.
 */
export function openRoomClient(
  host: string,
  port: number,
  path: string,
  onData: OnData,
): Promise<RoomClient> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ host, port, noDelay: true });
    let isOpen = false;
    let rest = '';
    socket.setEncoding('latin1');
    socket.once('connect', () => {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nAccept: text/event-stream\r\n\r\n`);
    });
    socket.on('data', (text: string) => {
      rest += text;
      if (!isOpen && rest.includes(':ok\n')) {
        isOpen = true;
        resolve({ close: () => socket.destroy() });
      }
      // Events are written whole, so text that ends in a blank line has whole lines only.
      const end = rest.lastIndexOf('\n\n');
      if (end < 0) return;
      for (const [, data] of rest.slice(0, end + 1).matchAll(DATA_LINE)) onData(data!);
      rest = rest.slice(end + 2);
    });
    const fail = (why: string) => () => {
      if (!isOpen) reject(new Error(`a stream ended before it began: ${why}`));
    };
    socket.once('error', (error) => fail(error.message)());
    socket.once('close', fail('closed'));
  });
}
