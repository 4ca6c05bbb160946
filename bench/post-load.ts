import { connect, type Socket } from 'node:net';
import { quantile } from './statistics';

export interface PostLoadOptions {
  readonly port: number;
  readonly path: string;
  readonly contentType: string;
  readonly body: string;
  readonly connections: number;
  readonly warmupSeconds: number;
  readonly seconds: number;
  /** Processor time of the server so far. */
  readonly cpuSeconds: () => number;
}

export interface PostLoadResult {
  readonly postsPerS: number;
  /** Processor time of the server, in seconds of it for each second. */
  readonly cores: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers other than 202. */
  readonly refused: number;
}

const HEAD_END = '\r\n\r\n';

/**
 * Posts the same body again and again, one post at a time per connection. Bare sockets and prepared requests: Node's own
 * client would cost more than the server.
 */
export async function runPostLoad(options: PostLoadOptions): Promise<PostLoadResult> {
  const { port, path, contentType, body, connections, cpuSeconds } = options;
  const request = Buffer.from(
    `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: ${contentType}\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  const tookMs: number[] = [];
  let refused = 0;
  let isMeasuring = false;
  const sockets: Socket[] = [];
  const failed = new Promise<never>((_, reject) => {
    for (let i = 0; i < connections; i++) {
      const socket = connect({ host: '127.0.0.1', port, noDelay: true });
      sockets.push(socket);
      socket.setEncoding('latin1');
      let sentAtMs = 0;
      let answer = '';
      const post = (): void => {
        sentAtMs = performance.now();
        socket.write(request);
      };
      socket.once('connect', post);
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('the server closed a connection')));
      socket.on('data', (text: string) => {
        answer += text;
        const headEnd = answer.indexOf(HEAD_END);
        if (headEnd < 0) return;
        const length = Number(/content-length: (\d+)/i.exec(answer.slice(0, headEnd))?.[1]);
        if (!Number.isInteger(length)) {
          reject(new Error(`an answer without Content-Length: ${answer.slice(0, headEnd)}`));
          return;
        }
        if (answer.length < headEnd + HEAD_END.length + length) return;
        if (isMeasuring) {
          if (answer.startsWith('HTTP/1.1 202')) tookMs.push(performance.now() - sentAtMs);
          else refused++;
        }
        answer = '';
        post();
      });
    }
  });
  try {
    await Promise.race([failed, after(options.warmupSeconds)]);
    isMeasuring = true;
    const startMs = performance.now();
    const startCpuSeconds = cpuSeconds();
    await Promise.race([failed, after(options.seconds)]);
    isMeasuring = false;
    const seconds = (performance.now() - startMs) / 1_000;
    return {
      postsPerS: tookMs.length / seconds,
      cores: (cpuSeconds() - startCpuSeconds) / seconds,
      p50Ms: quantile(tookMs, 0.5),
      p99Ms: quantile(tookMs, 0.99),
      refused,
    };
  } finally {
    for (const socket of sockets) socket.destroy();
    // Destroyed at the end of the window: not a failure.
    failed.catch(() => undefined);
  }
}

function after(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
}
