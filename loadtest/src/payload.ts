/**
 * The number at `path` in JSON data, such as `payload.date`; `.` means that the data itself is the number. Null when
 * the data is no JSON or there is no number.
 */
export function numberAt(data: string, path: string): number | null {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return null;
  }
  for (const name of path === '.' ? [] : path.split('.')) {
    if (typeof value !== 'object' || value === null) return null;
    value = (value as Record<string, unknown>)[name];
  }
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
