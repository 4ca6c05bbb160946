export interface InFlightLimits {
  /** Requests whose body is being read or whose events are on their way to the log. */
  readonly maxRequests: number;
  /** Bytes of their bodies. */
  readonly maxBytes: number;
}

/** One request's place among those in flight. */
export interface InFlightPlace {
  /** Counts bytes that are kept. False: they are too many, and not counted. */
  take(bytes: number): boolean;
  /** To be called once. */
  leave(): void;
}

/** What all publishers together may have in memory. */
export interface InFlight {
  /** Null: there is no place. */
  enter(): InFlightPlace | null;
  readonly requests: number;
  readonly bytes: number;
}

export function createInFlight({ maxRequests, maxBytes }: InFlightLimits): InFlight {
  let requests = 0;
  let bytes = 0;
  return {
    enter() {
      if (requests >= maxRequests) return null;
      requests++;
      let taken = 0;
      return {
        take(count) {
          if (bytes + count > maxBytes) return false;
          bytes += count;
          taken += count;
          return true;
        },
        leave() {
          requests--;
          bytes -= taken;
        },
      };
    },
    get requests() {
      return requests;
    },
    get bytes() {
      return bytes;
    },
  };
}
