import { isUtf8 } from 'node:buffer';
import { fieldError, GatewayError } from '../errors';
import type { EventLog, NewRecord, RecordHeader } from '../eventlog/event-log';
import { isReservedEventName, recordOf } from '../events/record-event';
import type { TopicMap } from '../events/topic-map';
import { channelFault } from '../wire/channel';
import { lineFault } from '../wire/frame';

/** An event as a publisher gives it, with a channel and a name that have no `addressFault`. */
export interface EventToPublish {
  readonly channel: string;
  /** Null or empty: unnamed. */
  readonly event: string | null;
  readonly data: Buffer;
  readonly key: string | null;
  readonly idempotencyKey: string | null;
}

export interface Published {
  readonly topic: string;
  readonly partition: number;
  /** Decimal, since it may pass 2^53. */
  readonly offset: string;
  readonly channel: string;
  /** Only if streams of the channel can see one partition in all: the id with which a stream resumes after this event. */
  readonly id?: string;
}

interface PublisherDeps {
  readonly log: EventLog;
  readonly topics: TopicMap;
  readonly maxEventBytes: number;
  /** The id after a record on a channel; null when streams of the channel can see several partitions. */
  readonly idAfter: (channel: string, offset: bigint, leaderEpoch?: number) => string | null;
}

export interface Publisher {
  /** Stores events in one append, one result each, in order: a fault is a result. @param trace headers of each record */
  publish(
    events: readonly (EventToPublish | GatewayError)[],
    trace: readonly RecordHeader[],
  ): Promise<(Published | Error)[]>;
}

const MAX_EVENT_NAME_BYTES = 255;

export function createPublisher({ log, topics, maxEventBytes, idAfter }: PublisherDeps): Publisher {
  function recordFor(event: EventToPublish, trace: readonly RecordHeader[]): NewRecord | GatewayError {
    const fault = dataFault(event.data, maxEventBytes);
    if (fault !== null) return fault;
    const record = recordOf({ ...event, event: event.event || null }, topics);
    if (record instanceof GatewayError || trace.length === 0) return record;
    // First: the last header of a name counts, and the channel may be made of any.
    return { ...record, headers: [...trace, ...record.headers] };
  }

  return {
    async publish(events, trace) {
      const records = events.map((event) =>
        event instanceof GatewayError ? event : recordFor(event, trace),
      );
      const sound = records.flatMap((record) => (record instanceof GatewayError ? [] : [record]));
      const stored = await log.append(sound);
      let next = 0;
      return records.map((record, i) => {
        if (record instanceof GatewayError) return record;
        const result = stored[next++]!;
        if (!result.ok) return result.error;
        const { topic, partition } = result;
        const offset = String(result.offset);
        const { channel } = events[i] as EventToPublish;
        const id = idAfter(channel, result.offset, result.leaderEpoch);
        return id === null
          ? { topic, partition, offset, channel }
          : { topic, partition, offset, channel, id };
      });
    },
  };
}

/** What is wrong with the channel or the name of an event, or null. */
export function addressFault(channel: string, event: string | null): GatewayError | null {
  const channelWrong = channelFault(channel);
  if (channelWrong !== null) return fieldError('bad-channel', 'channel', `channel ${channelWrong}`);
  const eventWrong = event === null ? null : eventNameFault(event);
  return eventWrong === null ? null : fieldError('bad-event-name', 'event', `event ${eventWrong}`);
}

function dataFault(data: Buffer, maxBytes: number): GatewayError | null {
  if (data.length > maxBytes) {
    return new GatewayError('event-too-large', `the event is over ${maxBytes} bytes`, {
      details: { maxBytes },
    });
  }
  return isUtf8(data) ? null : fieldError('not-utf8', 'body', 'the body is not UTF-8');
}

/** Why a publisher may not use this event name, or null. */
function eventNameFault(name: string): string | null {
  if (isReservedEventName(name)) return 'must not be "open", "error" or begin with "gateway."';
  if (Buffer.byteLength(name) > MAX_EVENT_NAME_BYTES) return `must not be over ${MAX_EVENT_NAME_BYTES} bytes`;
  return lineFault(name);
}
