/** Gives the memory for a frame of so many bytes. */
export type AllocateFrame = (bytes: number) => Buffer;

const SLAB_BYTES = 8_192;
/** A larger frame gets memory of its own, so that no slab ends with more than this unused. */
const MAX_SHARED_BYTES = SLAB_BYTES / 8;

/**
 * Memory for frames that are all kept, and given up in the order in which they were made, as in a ring: they share
 * slabs, and a slab goes with its last frame. A buffer of its own for each is dear to make and to collect; Node's pool
 * would mix them with what is soon given up, and a frame would keep that.
 */
export function createFrameSlabs(): AllocateFrame {
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
