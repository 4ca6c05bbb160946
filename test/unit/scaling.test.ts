import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../../infra/local/repository';
import { parseConfig } from '../../src/config';

const sheet = readFileSync(join(repositoryRoot(), 'docs/scaling.md'), 'utf8');
const MIB = 2 ** 20;

describe('docs/scaling.md', () => {
  it('calculates with the settings’ defaults', () => {
    const { streams, http, fanout, replay, append, ingest, shutdown, kafka } = parseConfig({});
    expect(streams.maxStreams).toBe(18_000);
    expect(sheet).toContain('100,000 / 18,000 (`MAX_STREAMS` [S]) = 5.6');
    expect([http.maxConnections - streams.maxStreams, http.reservedFiles]).toEqual([500, 200]);
    expect(sheet).toContain('12,000 + 500 [S] + 200 [S]');
    expect([fanout.ring.bytes, replay.cacheBytes]).toEqual([64 * MIB, 128 * MIB]);
    expect(sheet).toContain('ring 64 MiB [S] + older records 128 MiB [S]');
    expect([streams.maxBufferedBytes, ingest.inFlight.maxBytes, append.queueBytes]).toEqual([
      512 * MIB,
      64 * MIB,
      32 * MIB,
    ]);
    expect(sheet).toContain('unsent bytes 512 MiB [S] + publishing, 64 + 32 MiB [S]');
    expect(streams.heartbeatMs).toBe(15_000);
    expect(sheet).toContain('a heartbeat every 15 s [S]');
    expect(kafka.fetchMaxWaitMs).toBe(500);
    expect(sheet).toContain('(`KAFKA_FETCH_MAX_WAIT_MS` 500 [S])');
    expect([streams.retryMinMs, streams.retryMaxMs, shutdown.drainMs]).toEqual([1_000, 5_000, 20_000]);
    expect(sheet).toContain('within 1 to 5 s [S]');
    expect(sheet).toContain('(20 s\n`DRAIN_MS`');
  });
});
