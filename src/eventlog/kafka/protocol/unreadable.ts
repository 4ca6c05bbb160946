/** Why what stands in a record set cannot be read. */
export interface Unreadable {
  /** `codec`: its compression is unknown, fails, or exceeds the limit. `corrupt`: a wrong checksum, or malformed. */
  readonly reason: 'codec' | 'corrupt';
  /** What was found, for the gateway's own log. */
  readonly detail: string;
}

export function codec(detail: string): Unreadable {
  return { reason: 'codec', detail };
}

export function corrupt(detail: string): Unreadable {
  return { reason: 'corrupt', detail };
}
