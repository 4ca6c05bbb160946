export interface BucketCounts {
  /** Cheap enough for the hot path: no label, no object, no lookup. */
  observe(value: number): void;
  /** In Prometheus' text format. */
  render(): string;
}

/**
 * A histogram without labels. Not prom-client's, which takes many times as long to observe a value: a pass observes
 * three, and where each stream has a channel of its own a pass is for one stream.
 * @param buckets upper bounds, growing; a value on a bound is within it
 */
export function createBucketCounts(name: string, help: string, buckets: readonly number[]): BucketCounts {
  /** By bucket, and the last one for what is above all bounds. */
  const counts = new Array<number>(buckets.length + 1).fill(0);
  let sum = 0;
  return {
    observe(value) {
      let i = 0;
      while (i < buckets.length && value > buckets[i]!) i++;
      counts[i]!++;
      sum += value;
    },
    render() {
      const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`];
      let total = 0;
      for (const [i, count] of counts.entries()) {
        total += count;
        lines.push(`${name}_bucket{le="${buckets[i] ?? '+Inf'}"} ${total}`);
      }
      lines.push(`${name}_sum ${sum}`, `${name}_count ${total}`);
      return `${lines.join('\n')}\n`;
    },
  };
}
