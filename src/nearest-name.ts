/** The name of `known` with the smallest edit distance, ignoring case; null when none is near enough for its length. */
export function nearestName(name: string, known: Iterable<string>): string | null {
  let nearest: string | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance > maxDistance(candidate) || distance >= least) continue;
    nearest = candidate;
    least = distance;
  }
  return nearest;
}

/** Short names are all close to each other. */
function maxDistance({ length }: string): number {
  return length < 3 ? 0 : length < 9 ? 1 : 2;
}

/** Levenshtein distance, two neighbours swapped counting as one (optimal string alignment); 3 for any over 2. */
function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return 3;
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      let least = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, before[j - 2]! + 1);
      row.push(least);
    }
    before = last;
    last = row;
  }
  return last[b.length]!;
}
