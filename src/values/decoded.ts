/**
 * What the bytes of a record's key or value become. A value is plain JSON, with one exception: an integer beyond 2^53 is a
 * `bigint`, so that no digit is lost. `jsonText` writes both.
 */
export type JsonValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/**
 * Why bytes are no value.
 * - `not-framed`: they do not begin as values of a schema registry do;
 * - `unknown-schema`: the registry does not know their schema;
 * - `bad-schema`: their schema is there, but cannot be used;
 * - `malformed`: they do not fit their schema, or are no JSON;
 * - `too-complex`: the value has more members or a deeper nesting than the settings allow.
 */
export const VALUE_FAULTS = [
  'not-framed',
  'unknown-schema',
  'bad-schema',
  'malformed',
  'too-complex',
] as const;
export type ValueFault = (typeof VALUE_FAULTS)[number];

export interface DecodedValue {
  readonly kind: 'value';
  readonly value: JsonValue;
}

export interface UndecodableValue {
  readonly kind: 'undecodable';
  readonly reason: ValueFault;
  /** Null: they name no schema. */
  readonly schemaId: number | null;
}

/** The schema is not here yet, and is being fetched. */
export interface WaitingValue {
  readonly kind: 'waiting';
  readonly schemaId: number;
  /** Why that takes so long; null as long as nothing has gone wrong. */
  readonly detail: string | null;
  /** Resolves when the request for it is over, well or not. Never rejects. */
  readonly until: Promise<void>;
}

export type Decoded = DecodedValue | UndecodableValue | WaitingValue;

export interface ValueDecoder {
  /** Never throws, and takes bounded time and memory whatever the bytes. */
  decode(bytes: Buffer): Decoded;
}

/** How values are written, and how large they may be. */
export interface ValueOptions {
  /** Integers of 64 bits: with all their digits as numbers, or as strings for clients whose numbers are doubles. */
  readonly int64: 'number' | 'string';
  /** Objects and lists within each other. */
  readonly maxDepth: number;
  /** Members of all objects and lists together. */
  readonly maxNodes: number;
}

/** Ends the decoding of a value. Caught in this folder. */
export class ValueError extends Error {
  readonly reason: ValueFault;

  constructor(reason: ValueFault, message: string) {
    super(message);
    this.name = 'ValueError';
    this.reason = reason;
  }
}

/** Runs a reader of bytes: whatever it throws is a reason. */
export function decodedBy(read: () => JsonValue, schemaId: number | null): Decoded {
  try {
    return { kind: 'value', value: read() };
  } catch (error) {
    return {
      kind: 'undecodable',
      reason: error instanceof ValueError ? error.reason : 'malformed',
      schemaId,
    };
  }
}
