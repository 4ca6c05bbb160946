export type Allocate = (bytes: number) => Buffer;

const SLAB_BYTES = 8_192;
/** Larger buffers are allocated separately, which bounds the unused end of a slab. */
const MAX_SHARED_BYTES = SLAB_BYTES / 8;

/**
 * Slab allocator for buffers that are freed in the order they were allocated (records of the memory log, frames of the
 * ring). Avoids an allocation per frame, and Node's pool, where one long-lived frame pins 8 KiB of short-lived neighbours.
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
