import { connect } from 'node:net';

const ALTER_CLIENT_QUOTAS = 49;
const ALTER_CLIENT_QUOTAS_VERSION = 0;

export interface ClientQuota {
  readonly clientId: string;
  readonly quota: 'consumer_byte_rate' | 'producer_byte_rate' | 'request_percentage';
  /** Bytes a second; null for no limit. */
  readonly rate: number | null;
}

/**
 * Limits a client of the broker at `host:port`, which kafkajs cannot do
 * (https://kafka.apache.org/protocol#The_Messages_AlterClientQuotas). @throws Error when the broker refuses
 */
export function setClientQuota(broker: string, quota: ClientQuota): Promise<void> {
  const colon = broker.lastIndexOf(':');
  return new Promise((resolve, reject) => {
    const socket = connect({ host: broker.slice(0, colon), port: Number(broker.slice(colon + 1)) });
    let received: Buffer = Buffer.alloc(0);
    socket.on('connect', () => socket.write(request(quota)));
    socket.on('data', (part) => {
      received = Buffer.concat([received, part]);
      if (received.length < 4 || received.length < 4 + received.readInt32BE(0)) return;
      // Size, correlation id, throttle time and the number of answers come before it.
      const errorCode = received.readInt16BE(16);
      if (errorCode === 0) resolve();
      else reject(new Error(`the broker answers ${errorCode}`));
      socket.destroy();
    });
    socket.on('error', reject);
    // Without effect after the answer.
    socket.on('close', () => reject(new Error(`${broker} closed the connection without an answer`)));
  });
}

function request({ clientId, quota, rate }: ClientQuota): Buffer {
  const head = Buffer.alloc(10);
  head.writeInt16BE(ALTER_CLIENT_QUOTAS, 0);
  head.writeInt16BE(ALTER_CLIENT_QUOTAS_VERSION, 2);
  head.writeInt16BE(-1, 8); // no client id
  const value = Buffer.alloc(8);
  value.writeDoubleBE(rate ?? 0);
  const body = Buffer.concat([
    head,
    int32(1),
    int32(1),
    string('client-id'),
    string(clientId),
    int32(1),
    string(quota),
    value,
    Buffer.from([rate === null ? 1 : 0]),
    Buffer.from([0]), // not only to try
  ]);
  return Buffer.concat([int32(body.length), body]);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function string(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(2);
  length.writeInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
