/** Below this many bytes a plain loop beats a call into the runtime. */
const SHORT = 24;

/**
 * Repeats `length` bytes that lie `distance` before `at`. A match may overlap its own copy, then it repeats what
 * it has just written. The caller has checked that all of it lies inside `output`.
 */
export function copyMatch(output: Buffer, at: number, distance: number, length: number): void {
  if (distance >= length && length > SHORT) {
    output.copyWithin(at, at - distance, at - distance + length);
    return;
  }
  for (let i = at; i < at + length; i++) output[i] = output[i - distance]!;
}

/** Copies bytes that are not compressed. The caller has checked both ends. */
export function copyLiterals(input: Buffer, from: number, length: number, output: Buffer, at: number): void {
  if (length > SHORT) {
    input.copy(output, at, from, from + length);
    return;
  }
  for (let i = 0; i < length; i++) output[at + i] = input[from + i]!;
}
