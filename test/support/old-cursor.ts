/** An id of version 1, as gateways before 0.2 wrote it. */
export function formatOldCursor(
  cluster: string,
  topics: readonly { readonly key: number; readonly positions: readonly bigint[] }[],
): string {
  const bytes: number[] = [];
  const add = (value: bigint) => {
    let rest = value;
    for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
    bytes.push(Number(rest));
  };
  for (const { key, positions } of topics) {
    bytes.push(key >> 8, key & 255);
    add(BigInt(positions.length));
    for (const [i, position] of positions.entries()) {
      const difference = position - (positions[i - 1] ?? 0n);
      if (i === 0) add(position);
      else add(difference >= 0n ? difference << 1n : (-difference << 1n) - 1n);
    }
  }
  return `1.${cluster}.${Buffer.from(bytes).toString('base64url')}`;
}
