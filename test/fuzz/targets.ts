import { isDeepStrictEqual } from 'node:util';
import { createParser } from 'eventsource-parser';
import fc from 'fast-check';
import { plainTopic } from '../../src/config/topic-settings';
import { GatewayError } from '../../src/errors';
import type { LogRecord } from '../../src/eventlog/event-log';
import { createCodecs } from '../../src/eventlog/kafka/protocol/codecs';
import { decodeRecordSet } from '../../src/eventlog/kafka/protocol/record-batch';
import { createTopic } from '../../src/events/topic-map';
import { parseTarget } from '../../src/http/request-target';
import { parseBatch } from '../../src/ingest/batch';
import { streamQueryOf } from '../../src/sse/stream-query';
import { channelAndAncestors, channelFault, covers } from '../../src/wire/channel';
import { formatCursor, parseCursor } from '../../src/wire/cursor';
import { createFrameDecoder } from '../../src/wire/frame-decoder';
import { entryOf } from '../support/encoded-record';
import { BASE_OFFSET, type RecordSetName, recordSet } from '../support/fixtures/record-sets';
import { decodingFault, seal } from '../support/record-set';
import { VALUE_TARGETS } from './value-targets';

/** What strangers can reach with bytes of their own, and what has to hold whatever they send. */
export interface FuzzTarget {
  readonly name: string;
  /** Throws when something does not hold. */
  readonly property: fc.IProperty<[unknown]>;
}

/** Any text, with more of what means something to some parser than chance would give. */
const text = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) },
      fc.constantFrom(
        '\r',
        '\n',
        '\r\n',
        '\0',
        ':',
        ' ',
        'data:',
        'id: 1',
        'event: gateway.reset',
        'retry: 0',
      ),
      fc.constantFrom('/', '..', '.', '%', '%2f', '%00', '%0d%0a', '%ff', '?', '&', '=', '#', ',', '+', '//'),
      fc.constantFrom('\uFEFF', '\u2028', '\ud800', '\u{1F600}', '999999999999999999999', '-1', '1e309'),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''));
const bytes = fc.oneof(fc.uint8Array({ maxLength: 64 }).map(Buffer.from), text.map(Buffer.from));
const header = fc.record({
  key: fc.constantFrom('channel', 'event', 'idempotency-key', 'traceparent', 'other'),
  value: fc.oneof(bytes, fc.constant(null)),
});

function assert(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

/** Runs it; only the errors that the contract knows may come out, and each has a status of its own. */
function refusesOrReturns<T>(run: () => T): T | null {
  try {
    return run();
  } catch (error) {
    if (error instanceof GatewayError && error.code !== 'internal') return null;
    throw error;
  }
}

/** Less than the product allows, so that more inputs a second can be tried. */
const CODECS = createCodecs(1 << 20);
const LIMITS = { maxChannels: 20, maxEventNames: 20 };
const EVENT_NAME_FORBIDDEN = /[\r\n\0]/;

const cursors: FuzzTarget = {
  name: 'cursors: parsed or refused, and what is parsed says the same again',
  property: fc.property(
    fc.oneof(
      text,
      fc
        .tuple(fc.constantFrom('2.', '1.AAAAAA.', '2.AAAAAA.', '3.AAAAAA.'), fc.uint8Array({ maxLength: 40 }))
        .map(([start, rest]) => start + Buffer.from(rest).toString('base64url')),
    ),
    (given) => {
      const text = given as string;
      const cursor = parseCursor(text);
      if (cursor === null) return;
      // What an older gateway wrote is only read.
      if (text.startsWith('1.')) return;
      const again = formatCursor(cursor);
      assert(/^[A-Za-z0-9._~=,-]+$/.test(again), 'a cursor has only letters that need no preflight');
      assert(isDeepStrictEqual(parseCursor(again)?.topics, cursor.topics), 'a cursor says the same again');
    },
  ),
};

const streamRequests: FuzzTarget = {
  name: 'stream requests: a subscription of good channels, or a refusal that names the field',
  property: fc.property(
    fc.record({
      url: fc.tuple(
        fc.constantFrom('/sse', '/events', '/subscribe/', '/subscribe', 'http://x/events', 'https://'),
        fc.constantFrom(
          '',
          '?',
          '?channel=',
          '?event=',
          '?from=',
          '?since=',
          '?lastEventId=',
          '?meta=',
          '?strict=',
          '?every=',
        ),
        text,
        fc.constantFrom('', '&channel=/a', '&event=a,b', '&from=-5'),
      ),
      lastEventId: fc.option(text, { nil: undefined }),
    }),
    (given) => {
      const { url, lastEventId } = given as { url: string[]; lastEventId?: string };
      refusesOrReturns(() => {
        const target = parseTarget(url.join(''));
        const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
        const { subscription } = streamQueryOf(target, headers, LIMITS);
        for (const channel of subscription.channels) {
          assert(channelFault(channel) === null, 'no stream of a bad channel');
        }
      });
    },
  ),
};

const channels: FuzzTarget = {
  name: 'channels: a good one is under each of its ancestors, and only by whole segments',
  property: fc.property(text, (given) => {
    const channel = `/${given as string}`;
    if (channel === '/' || channelFault(channel) !== null) return;
    for (const above of channelAndAncestors(channel)) {
      assert(channelFault(above) === null && covers(above, channel), `${above} covers it`);
    }
    assert(!covers(channel, `${channel}x`), 'a longer segment is another one');
  }),
};

const batches: FuzzTarget = {
  name: 'batches: events or refusals, one for each value, and never anything else',
  property: fc.property(
    fc.record({
      body: fc.oneof(
        bytes,
        fc.json().map(Buffer.from),
        fc
          .array(
            fc.record({ channel: text, event: fc.option(text), data: fc.jsonValue(), key: fc.option(text) }),
          )
          .map((events) => Buffer.from(JSON.stringify(events))),
        fc.array(fc.oneof(fc.json(), text), { maxLength: 8 }).map((lines) => Buffer.from(lines.join('\n'))),
      ),
      type: fc.constantFrom(undefined, 'application/json', 'application/x-ndjson', 'text/plain', 'a;b=c'),
    }),
    (given) => {
      const { body, type } = given as { body: Buffer; type: string | undefined };
      const events = refusesOrReturns(() => parseBatch(body, type, 1_000));
      for (const event of events ?? []) {
        assert(event instanceof GatewayError || Buffer.isBuffer(event.data), 'an event or a refusal');
      }
    },
  ),
};

const records: FuzzTarget = {
  name: 'records: one event in one frame, whatever is in them, as two parsers see it',
  property: fc.property(
    fc.record({
      key: fc.option(bytes),
      value: fc.option(bytes),
      headers: fc.array(header, { maxLength: 4 }),
    }),
    (given) => {
      const { key, value, headers } = given as Pick<LogRecord, 'key' | 'value' | 'headers'>;
      const record: LogRecord = { offset: 7n, timestampMs: 0, key, value, headers };
      const {
        bytes: frame,
        channel,
        event,
      } = entryOf(
        '1.AAAAAA.AAAA',
        record,
        0,
        { topic: 'fuzzed', partition: 0 },
        createTopic(plainTopic('fuzzed', '/fuzzed')),
        1 << 20,
      );
      assert(covers('/fuzzed', channel) && channelFault(channel) === null, 'it stays under its topic');
      assert(event === null || !EVENT_NAME_FORBIDDEN.test(event), 'its name is one line');
      const seen: { id: string | undefined; event: string | undefined }[] = [];
      let retries = 0;
      const parser = createParser({
        onEvent: ({ id, event: name }) => seen.push({ id, event: name }),
        onRetry: () => retries++,
        onError: ({ message }) => {
          throw new Error(message);
        },
      });
      parser.feed(frame.toString());
      assert(seen.length === 1 && retries === 0, 'one event and nothing else');
      assert(seen[0]!.id === '1.AAAAAA.AAAA' && (seen[0]!.event ?? null) === event, 'our id and its name');
      const ours: string[] = [];
      createFrameDecoder({ onEvent: ({ data }) => ours.push(data) }).push(frame.toString());
      assert(ours.length === 1, 'our own decoder sees one event too');
    },
  ),
};

const recordSets: FuzzTarget = {
  name: 'record sets: an end, nothing twice and no record in a gap, whatever the bytes',
  property: fc.property(
    fc.record({
      name: fc.constantFrom(
        ...(['none', 'gzip', 'snappy', 'transactions', 'magic-0', 'magic-0-lz4'] as const),
        ...(['magic-0-gzip', 'magic-1', 'magic-1-snappy', 'magic-1-lz4'] as const),
      ),
      /** Mostly in the headers, which stand at the beginning. */
      changes: fc.array(fc.tuple(fc.oneof(fc.nat(80), fc.nat()), fc.nat(255)), { maxLength: 5 }),
      isSealed: fc.boolean(),
      skipped: fc.nat(20),
    }),
    (given) => {
      const { name, changes, isSealed, skipped } = given as {
        name: RecordSetName;
        changes: [number, number][];
        isSealed: boolean;
        skipped: number;
      };
      const set = recordSet(name);
      for (const [at, byte] of changes) set[at % set.length] = byte;
      const length = set.readInt32BE(8);
      if (isSealed && length >= (set[16]! < 2 ? 14 : 49) && length <= set.length - 12) seal(set);
      const fetchOffset = (name === 'transactions' ? 0n : BASE_OFFSET) + BigInt(skipped);
      const decoded = decodeRecordSet(set, fetchOffset, [{ producerId: 1n, firstOffset: 0n }], CODECS);
      assert(decodingFault(decoded, fetchOffset) === null, 'sound');
    },
  ),
};

export const FUZZ_TARGETS: readonly FuzzTarget[] = [
  cursors,
  streamRequests,
  channels,
  batches,
  records,
  recordSets,
  ...VALUE_TARGETS,
].map(({ name, property }) => ({ name, property: property as unknown as fc.IProperty<[unknown]> }));
