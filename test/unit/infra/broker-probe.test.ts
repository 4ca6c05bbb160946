import { type AddressInfo, createServer, type Socket } from 'node:net';
import { liveBrokers } from '../../../infra/local/broker-probe';

/** Far more than an answer on loopback takes. */
const PATIENT_MS = 5_000;

describe('the probe of a broker', () => {
  const closers: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
  });

  /** A listener that hands each connection to the test. */
  async function listen(onConnection: (socket: Socket) => void): Promise<number> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      onConnection(socket);
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    closers.push(() => {
      for (const socket of sockets) socket.destroy();
      return new Promise((done) => server.close(done));
    });
    return (server.address() as AddressInfo).port;
  }

  /** Metadata v1 answer with brokers 3 (rack "r") and 1 (no rack), bytes by the protocol guide. */
  const ANSWER = Buffer.from(
    [
      '00000001', // correlation id
      '00000002', // two brokers
      '00000003' + '0001' + '61' + '00002384' + '0001' + '72',
      '00000001' + '0002' + '6262' + '00002385' + 'ffff',
      '00000003', // controller
      '00000000', // no topics
    ].join(''),
    'hex',
  );

  it('asks in the bytes of the protocol and reads an answer that comes in pieces', async () => {
    let asked = Buffer.alloc(0);
    const size = Buffer.alloc(4);
    size.writeInt32BE(ANSWER.length);
    const frame = Buffer.concat([size, ANSWER]);
    const port = await listen((socket) => {
      socket.setNoDelay(true);
      socket.once('data', (chunk) => {
        asked = chunk;
        socket.write(frame.subarray(0, 2));
        setImmediate(() => {
          socket.write(frame.subarray(2, 20));
          setImmediate(() => socket.write(frame.subarray(20)));
        });
      });
    });
    expect(await liveBrokers('127.0.0.1', port, PATIENT_MS)).toEqual([1, 3]);
    // size 14, Metadata, version 1, correlation id 1, null client id, no topics
    expect(asked.toString('hex')).toBe('0000000e' + '0003' + '0001' + '00000001' + 'ffff' + '00000000');
  });

  it('fails when nobody listens, when the connection ends and when nothing comes', async () => {
    const ending = await listen((socket) => socket.end());
    await expect(liveBrokers('127.0.0.1', ending, PATIENT_MS)).rejects.toThrow('closed the connection');
    const silent = await listen(() => undefined);
    await expect(liveBrokers('127.0.0.1', silent, 50)).rejects.toThrow('no answer');
    const closed = await listen(() => undefined);
    for (const close of closers.splice(0)) await close();
    await expect(liveBrokers('127.0.0.1', closed, PATIENT_MS)).rejects.toThrow('ECONNREFUSED');
  });

  it('fails, and does not throw elsewhere, when the answer is no metadata', async () => {
    const wordy = await listen((socket) =>
      socket.once('data', () => socket.write('HTTP/1.1 400 Bad Request')),
    );
    await expect(liveBrokers('127.0.0.1', wordy, 50)).rejects.toThrow('no answer');
    const short = await listen((socket) =>
      socket.once('data', () => socket.write(Buffer.from('000000080000000100000005', 'hex'))),
    );
    await expect(liveBrokers('127.0.0.1', short, PATIENT_MS)).rejects.toThrow('out of range');
  });
});
