/** Decompresses the records of one batch, or throws. */
export type Codec = (compressed: Buffer, maxBytes: number) => Buffer;

/** By the codec number in a batch's attributes. */
export type Codecs = Readonly<Record<number, Codec>>;
