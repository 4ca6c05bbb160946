import { plainTopic } from '../../src/config/topic-settings';
import { encodeWithMeta } from '../../src/events/record-entry';
import { createTopic } from '../../src/events/topic-map';
import { createFrameDecoder } from '../../src/wire/frame-decoder';
import { entryOf } from '../support/encoded-record';
import { startGateway } from '../support/gateway';
import { openStream } from '../support/sse-client';

/** JavaScript gives this name to something of its own, so what is copied by assignment loses it without a word. */
const NAME = '__proto__';

describe('a record header named __proto__', () => {
  it('is shown by ?meta=1 like any other, with all its values', () => {
    const headers = [
      { key: NAME, value: Buffer.from('first') },
      { key: 'a', value: null },
      { key: NAME, value: Buffer.from('last') },
    ];
    const record = { offset: 7n, timestampMs: 1, key: null, value: Buffer.from('x'), headers };
    const topic = createTopic(plainTopic('events-topic'));
    const encoded = entryOf('1.x', record, 0, { topic: topic.name, partition: 0 }, topic, 1 << 20);
    const shown: string[] = [];
    const decoder = createFrameDecoder({ onEvent: ({ data }) => shown.push(data) });
    decoder.push(encodeWithMeta(encoded, null, encoded.origin).bytes.toString());
    expect(shown).toHaveLength(1);
    expect(shown[0]).toContain('"headers":{"__proto__":["first","last"],"a":null}');
  });
});

describe('a batch whose data has a member named __proto__', () => {
  it('is stored with it', async () => {
    const { url } = await startGateway();
    const stream = await openStream(`${url}/events`);
    const data = '{"__proto__":1,"a":[{"__proto__":{"b":2}}]}';
    const answer = await fetch(`${url}/events`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: `{"data":${data}}`,
    });
    expect(answer.status).toBe(202);
    await stream.until(({ events }) => events.length === 1);
    expect(stream.events[0]!.data).toBe(data);
  });
});
