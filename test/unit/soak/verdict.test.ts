import { OffsetTrack } from '../../../loadtest/soak/offset-track';
import { judge } from '../../../loadtest/soak/verdict';

function trackOf(...offsets: number[]): ReadonlyMap<number, OffsetTrack> {
  const track = new OffsetTrack();
  for (const offset of offsets) track.take(offset);
  return new Map([[0, track]]);
}

const topicOf = (...values: string[]) => [values.map((value, offset) => ({ offset: String(offset), value }))];
const none = new Map<string, { partition: number; offset: string }>();

describe('the verdict of a soak', () => {
  it('is clean for a client that has all since it came', () => {
    const topic = topicOf('a', 'b', 'c', 'd');
    expect(judge({ tracks: [trackOf(0, 1, 2, 3), trackOf(2, 3)], topic, acknowledged: none })).toEqual({
      missing: 0,
      repeated: 0,
      unstored: 0,
    });
  });

  it('counts skipped, missing and repeated records', () => {
    const topic = topicOf('a', 'b', 'c', 'd');
    expect(judge({ tracks: [trackOf(0, 2, 3)], topic, acknowledged: none }).missing).toBe(1);
    expect(judge({ tracks: [trackOf(0, 1)], topic, acknowledged: none }).missing).toBe(2);
    expect(judge({ tracks: [new Map()], topic, acknowledged: none }).missing).toBe(4);
    expect(judge({ tracks: [trackOf(0, 1, 1, 2, 3)], topic, acknowledged: none }).repeated).toBe(1);
  });

  it('wants a producer’s retry only once', () => {
    const topic = topicOf('a', 'b', 'a', 'c', 'c');
    expect(judge({ tracks: [trackOf(0, 1, 3)], topic, acknowledged: none }).missing).toBe(0);
  });

  it('counts acknowledged events that are not in the topic', () => {
    const acknowledged = new Map([['gone', { partition: 0, offset: '7' }]]);
    expect(judge({ tracks: [], topic: topicOf('a'), acknowledged }).unstored).toBe(1);
  });
});
