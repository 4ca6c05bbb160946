import {
  gatewaysFor,
  limitFaults,
  limitWarnings,
  maxStreamsFor,
  needsOwnAddresses,
  type Spread,
  shardsFor,
} from '../../../loadtest/run/limits';
import { type MachineLimits, readMachineLimits } from '../../../loadtest/run/machine-limits';

/** The machine of the first 50,000. */
const SMALL: MachineLimits = { hardFiles: 20_000, softFiles: 20_000, localPorts: 17_768, freeMiB: 20_000 };
const WIDE: MachineLimits = {
  hardFiles: 1_048_576,
  softFiles: 1_048_576,
  localPorts: 25_000,
  freeMiB: 100_000,
};
const SPREAD: Spread = {
  connections: 50_000,
  shards: 3,
  gateways: 3,
  direct: false,
  targets: 1,
  isLocal: true,
  probe: 200,
};

describe('the limits of the machine', () => {
  it('let 50,000 connections pass where a process may open 20,000 files', () => {
    expect(shardsFor(50_000, SMALL)).toBe(3);
    expect(gatewaysFor(50_200, SMALL)).toBe(3);
    expect(gatewaysFor(50_200, { ...SMALL, localPorts: 14_116 })).toBe(4);
    expect(gatewaysFor(100, SMALL)).toBe(3);
    expect(limitFaults(SPREAD, SMALL)).toEqual([]);
    expect(needsOwnAddresses(SPREAD, SMALL)).toBe(true);
    expect(maxStreamsFor(SPREAD, SMALL)).toBeLessThan(20_000);
    expect(maxStreamsFor(SPREAD, SMALL)).toBeGreaterThan(50_200 / 3);
  });

  it('need no further addresses straight at the gateways, or for few', () => {
    expect(needsOwnAddresses({ ...SPREAD, direct: true, targets: 3 }, SMALL)).toBe(false);
    expect(needsOwnAddresses({ ...SPREAD, connections: 2_000 }, SMALL)).toBe(false);
    expect(needsOwnAddresses({ ...SPREAD, isLocal: false }, SMALL)).toBe(false);
  });

  it.each<[string, Partial<Spread>, Partial<MachineLimits>, RegExp]>([
    ['files of k6', { shards: 2 }, {}, /25000 connections in each of 2 k6 processes.*--shards 3/],
    ['files of a gateway', { gateways: 2 }, {}, /25100 streams in each of 2 gateways.*--gateways 3/],
    ['a soft limit', {}, { softFiles: 1_024 }, /ulimit -n 20000/],
    [
      'ports of nginx',
      { gateways: 1 },
      { ...WIDE, localPorts: 14_000 },
      /nginx needs 50200 local ports.*--gateways 4/,
    ],
    [
      'ports of k6',
      { shards: 1 },
      { ...WIDE, localPorts: 14_000 },
      /50000 connections from one address.*--shards 4/,
    ],
    ['ports to another machine', { isLocal: false, gateways: 0 }, {}, /ip_local_port_range/],
  ])('are in the way: %s', (_what, spread, limits, fault) => {
    expect(limitFaults({ ...SPREAD, ...spread }, { ...SMALL, ...limits }).join('\n')).toMatch(fault);
  });

  it('warn of too little memory', () => {
    expect(limitWarnings(SPREAD, SMALL)).toEqual([]);
    expect(limitWarnings(SPREAD, { ...SMALL, freeMiB: 4_000 })).toEqual([
      expect.stringContaining('4000 MiB are free'),
    ]);
  });

  it('are read from this machine', () => {
    const limits = readMachineLimits();
    expect(limits.hardFiles).toBeGreaterThanOrEqual(limits.softFiles);
    expect(limits.softFiles).toBeGreaterThan(100);
    expect(limits.localPorts).toBeGreaterThan(1_000);
    expect(limits.freeMiB).toBeGreaterThan(1);
  });
});
