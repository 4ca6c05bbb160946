/**
 * The gateway's own events: every event name that begins with `gateway.`, with the type of its payload. The only place
 * for both: the compiler checks the server, the client library and the pages against it. Types only, so that it costs a
 * browser nothing. `own-event.ts` makes their text and frames.
 */

/** By name, the payload: `data:` as JSON. Only the tombstone's data is plain text. */
export interface GatewayEvents {
  /** The first event of every stream. Its id is where the stream starts, unless a gap or a reset comes first. */
  'gateway.open': StreamOpen;
  /** Has only an id: how far the stream has been served, although no event was for this client. */
  'gateway.position': Readonly<Record<string, never>>;
  /** The last event of a stream that the gateway ends or rejects for now. Reconnect after its `retry:`. */
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

/** A stream ends, or was rejected for now. */
export interface StreamRetry {
  /**
   * Why: `drain`, `replay-limit` or `expired` for a stream that ended; for one that was rejected the code that a problem
   * document would have, such as `too-many-streams`; `unavailable` from a proxy that reached no gateway.
   */
  readonly code: string;
}

/** Lost records. */
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

/** Topics start over: the event log was replaced, or the id cannot be used. What was shown of them may be outdated. */
export interface StreamReset {
  /**
   * The id: `invalid`: not an id of this gateway; `cluster`: of another cluster; `topic`: of a topic that is gone;
   * `partitions`: of partitions that do not exist; `ahead`: beyond the log's end. The log: `truncated`: an unclean leader
   * election took records away; `recreated`: the topic was deleted and created again; `cluster`: it is another one.
   */
  readonly reason:
    | 'invalid'
    | 'cluster'
    | 'topic'
    | 'channels'
    | 'partitions'
    | 'ahead'
    | 'truncated'
    | 'recreated';
  /** Those affected; all others continue without a gap. Empty when the id was of a topic that is no longer served. */
  readonly topics: readonly string[];
}

/** A stream that resumed, or asked for a replay, has caught up. */
export interface StreamLive {
  readonly replayed: number;
}

/**
 * Kafka or topics became unreachable, or are back. The stream stays open, and topics that can be read continue; records
 * that were written meanwhile follow when they can be read again.
 */
export interface StreamStatus {
  readonly kafka: 'interrupted' | 'ok';
  /** The topics affected, as far as this stream may get events of them. Left out: all of Kafka. */
  readonly topics?: readonly string[];
  /**
   * Only with topics that cannot be read. `unreachable`: a partition has no broker at the moment. `missing`: the topic does
   * not exist. `forbidden`: the gateway may not read it. These two last until an operator changes something.
   * `schema-registry`: the registry with the schemas of its values does not answer.
   */
  readonly reason?: 'unreachable' | 'missing' | 'forbidden' | 'schema-registry';
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
   * as an event it would be over `MAX_FRAME_BYTES`. Where parts of values are asked for: it is not JSON, or is nested too
   * deeply. The key of a tombstone is not of the topic's type. Where values have schemas in a registry: it does not name
   * one, names one that the registry does not know, or one that cannot be used; it does not fit its schema; it has too many
   * members or levels.
   */
  readonly reason:
    | 'not-utf8'
    | 'bad-channel'
    | 'bad-event-name'
    | 'too-large'
    | 'not-json'
    | 'too-deep'
    | 'bad-key'
    | 'not-framed'
    | 'unknown-schema'
    | 'bad-schema'
    | 'malformed'
    | 'too-complex';
  /** Of its value, where it names a schema of the registry. */
  readonly schemaId?: number;
}
