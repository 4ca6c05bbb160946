/** Gives the memory for so many bytes. */
export type Allocate = (bytes: number) => Buffer;

const SLAB_BYTES = 8_192;
/** What is larger gets memory of its own, so that no slab ends with more than this unused. */
const MAX_SHARED_BYTES = SLAB_BYTES / 8;

/**
 * Memory for what is all kept, and given up in the order in which it was made, as a log's records and the ring's
 * frames are: neighbours share slabs, and a slab goes with its last. Memory of its own for each is dear to make and to
 * collect; Node's pool would mix them with what is soon given up, and each that is kept would keep that.
 */
export function createSlabs(): Allocate {
  let slab = Buffer.alloc(0);
  let used = 0;
  return (bytes) => {
    if (bytes > MAX_SHARED_BYTES) return Buffer.allocUnsafeSlow(bytes);
    if (used + bytes > slab.length) {
      slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      used = 0;
    }
    used += bytes;
    return slab.subarray(used - bytes, used);
  };
}
