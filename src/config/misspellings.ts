/** Variables that are no setting but look like one: one or two letters off, or with `GATEWAY_` before a setting. */
export function* misspellings(
  env: Readonly<Record<string, string | undefined>>,
  known: readonly string[],
): Iterable<string> {
  for (const [name, value] of Object.entries(env)) {
    // Kubernetes sets variables such as GATEWAY_PORT=tcp://… for each service of its namespace.
    if (known.includes(name) || value?.startsWith('tcp://')) continue;
    const meant = known.find(
      (setting) =>
        name === `GATEWAY_${setting}` ||
        (setting.length >= 6 && editDistance(name, setting) <= (setting.length < 9 ? 1 : 2)),
    );
    if (meant !== undefined) yield `${name} is not a setting; did you mean ${meant}?`;
  }
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return 3;
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}
