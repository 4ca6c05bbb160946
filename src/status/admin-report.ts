/** What `/admin/status.json` answers. Types only: the admin page has them too. */

/** One stream; times are Unix seconds. */
export interface AdminConnection {
  readonly request_path: string;
  /** Its channels, separated by commas; empty while its start position is being looked up. */
  readonly namespace: string;
  readonly created_at: number;
  readonly client_ip: string;
  readonly user_agent: string;
  /** Events, without the opening block of the stream. */
  readonly msgs_sent: number;
  /** Bytes that the kernel has not taken yet. */
  readonly buffered_bytes: number;
  /** Records that were read from the event log and not yet sent to it or filtered out for it. */
  readonly behind: number;
  /** `starting`: where it begins is being looked up; else the phase of its subscriber. */
  readonly phase: string;
}

/** Times are Unix seconds. */
export interface AdminStatus {
  readonly node: string;
  /** `OK`, or the first readiness check that fails. */
  readonly status: string;
  readonly reported_at: number;
  readonly startup_time: number;
  /** Events broadcast to the subscribers, the ones read into the ring at start included. */
  readonly msgs_broadcast: number;
  /** Open streams; `connections` lists those selected by the query. */
  readonly connections_total: number;
  readonly connections: readonly AdminConnection[];
}
