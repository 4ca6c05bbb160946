import { PREFIX } from '../../src/status/metrics';

/** One scrape: the value of each series by its name as in the text, without the gateway's prefix. */
export async function scrape(
  url: string,
  headers: Record<string, string> = {},
): Promise<ReadonlyMap<string, number>> {
  const res = await fetch(`${url}/metrics`, { headers });
  if (res.status !== 200) throw new Error(`/metrics answered ${res.status}: ${await res.text()}`);
  const series = new Map<string, number>();
  for (const line of (await res.text()).split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const [, name, value] = /^([^{ ]+(?:\{.*\})?) (\S+)$/.exec(line) ?? [];
    if (name === undefined) throw new Error(`no sample: ${line}`);
    series.set(name.replace(PREFIX, ''), value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value));
  }
  return series;
}
