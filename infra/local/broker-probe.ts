import { connect } from 'node:net';

const METADATA = 3;
/** The oldest version that names the controller; Kafka 4 still supports it. */
const METADATA_VERSION = 1;
const CORRELATION_ID = 1;

/**
 * Asks one broker for the cluster's metadata, which it answers only once it has joined, in the Kafka protocol
 * (https://kafka.apache.org/protocol#The_Messages_Metadata). A client library would retry and cache; a
 * probe must do neither.
 *
 * @returns ids of the brokers that the cluster counts as alive, ascending
 * @throws Error when there is no answer within `timeoutMs`
 */
export function liveBrokers(host: string, port: number, timeoutMs: number): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const timer = setTimeout(
      () => socket.destroy(new Error(`no answer from ${host}:${port} in ${timeoutMs} ms`)),
      timeoutMs,
    );
    let received: Buffer = Buffer.alloc(0);
    socket.on('connect', () => socket.write(metadataRequest()));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 4 || received.length < 4 + received.readInt32BE(0)) return;
      try {
        resolve(brokerIds(received));
      } catch (error) {
        reject(error);
      }
      socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => {
      clearTimeout(timer);
      // Has no effect after the answer.
      reject(new Error(`${host}:${port} closed the connection without an answer`));
    });
  });
}

function metadataRequest(): Buffer {
  const request = Buffer.alloc(4 + 2 + 2 + 4 + 2 + 4);
  request.writeInt32BE(request.length - 4, 0);
  request.writeInt16BE(METADATA, 4);
  request.writeInt16BE(METADATA_VERSION, 6);
  request.writeInt32BE(CORRELATION_ID, 8);
  request.writeInt16BE(-1, 12); // no client id
  request.writeInt32BE(0, 14); // no topics
  return request;
}

function brokerIds(answer: Buffer): number[] {
  const ids: number[] = [];
  let at = 8; // size, correlation id
  const count = answer.readInt32BE(at);
  at += 4;
  for (let i = 0; i < count; i++) {
    ids.push(answer.readInt32BE(at));
    at += 4;
    at += 2 + answer.readInt16BE(at); // host
    at += 4; // port
    at += 2 + Math.max(0, answer.readInt16BE(at)); // rack, or null
  }
  return ids.sort((a, b) => a - b);
}
