/**
 * What the gateway says itself on a stream: every event name that begins with `gateway.`, with its payload. The one place
 * for both: the compiler holds the server and the client library to it, and the pages' test the pages. Types alone, so
 * that it costs a browser nothing.
 */

/** By name what stands in `data:`, as JSON. Only the tombstone's data is plain text. */
export interface GatewayEvents {
  /** The first event of every stream. Its id is where the stream starts, unless a gap or reset is told first. */
  'gateway.open': StreamOpen;
  /** Carries only an id: how far the stream has been served, though no event of it was for this client. */
  'gateway.position': Readonly<Record<string, never>>;
  /** The last event of a stream that the gateway ends or refuses for now. Come back after its `retry:`. */
  'gateway.retry': StreamRetry;
  'gateway.gap': StreamGap;
  'gateway.reset': StreamReset;
  'gateway.live': StreamLive;
  'gateway.status': StreamStatus;
  'gateway.token-expiring': StreamTokenExpiring;
  /** Stands for a record that cannot be shown. */
  'gateway.undecodable': UndecodableRecord;
  /** Stands for a record without a value; the data is its key. */
  'gateway.tombstone': string;
}

export type GatewayEventName = keyof GatewayEvents;

/** Those whose data is JSON. */
export type JsonEventName = Exclude<GatewayEventName, 'gateway.tombstone'>;

/** A stream begins. */
export interface StreamOpen {
  /** Silence on this stream after which a heartbeat is sent. Three times as long without a byte is a dead connection. */
  readonly heartbeatMs: number;
}

/** A stream ends, or was refused for now. */
export interface StreamRetry {
  /**
   * Why: `drain`, `replay-limit` or `expired` for a stream that ended; for one that was refused the code that a problem
   * document would have, such as `too-many-streams`; `unavailable` from a proxy that reached no gateway.
   */
  readonly code: string;
}

/** Records that cannot be given back. */
export interface StreamGap {
  readonly reason: 'retention' | 'codec' | 'corrupt';
  readonly topic: string;
  readonly partition: number;
  /** Offsets, as decimal strings, since they may pass 2^53. */
  readonly requested: string;
  readonly available: string;
  /** Offsets in between; on a compacted topic that is more than there were records. */
  readonly lost: number;
}

/** Topics begin anew: the log is another one than before, or the id cannot be used. What was shown of them may be outdated. */
export interface StreamReset {
  /**
   * The id: `invalid`: it is none of ours; `cluster`: of another cluster; `topic`: of a topic that is not here any more;
   * `partitions`: of partitions that are not there; `ahead`: beyond the log's end. The log: `truncated`: an unclean leader
   * election took records away; `recreated`: the topic was deleted and created again; `cluster`: it is another one.
   */
  readonly reason: 'invalid' | 'cluster' | 'topic' | 'partitions' | 'ahead' | 'truncated' | 'recreated';
  /** Those concerned; all others go on without a hole. Empty when the id was of a topic that is not served any more. */
  readonly topics: readonly string[];
}

/** A stream that resumed or asked for the past has caught up. */
export interface StreamLive {
  readonly replayed: number;
}

/**
 * Something went away, or is back. The stream stays open in between, and what can be read goes on; what was written
 * meanwhile comes when it can be read again.
 */
export interface StreamStatus {
  readonly kafka: 'interrupted' | 'ok';
  /** Names of the topics concerned, as far as this stream may get events of them. Left out: all of Kafka. */
  readonly topics?: readonly string[];
  /**
   * Only with topics that went away. `unreachable`: some of a topic has no broker at the moment. `missing`: it does not
   * exist. `forbidden`: the gateway has no right to read it. The last two last until an operator changes something.
   */
  readonly reason?: 'unreachable' | 'missing' | 'forbidden';
}

/** The stream ends when its token does. */
export interface StreamTokenExpiring {
  /** ISO 8601. */
  readonly expiresAt: string;
}

export interface UndecodableRecord {
  readonly topic: string;
  readonly partition: number;
  /** Decimal. */
  readonly offset: string;
  /** Of the record's value. */
  readonly bytes: number;
  /**
   * Its value (of a tombstone, its key) is not UTF-8; its header `channel` is no channel; its header `event` is no name;
   * as an event it would be over `MAX_FRAME_BYTES`.
   */
  readonly reason: 'not-utf8' | 'bad-channel' | 'bad-event-name' | 'too-large';
}
