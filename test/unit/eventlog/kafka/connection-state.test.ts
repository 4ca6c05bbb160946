import type { ConnectionStatus } from '../../../../src/eventlog/event-log';
import { createConnectionState } from '../../../../src/eventlog/kafka/connection-state';

it('goes from starting over connected to interrupted and back, and keeps the last error', () => {
  const changes: ConnectionStatus['state'][] = [];
  const connection = createConnectionState(({ state }) => changes.push(state), 0);
  connection.failed(new Error('not yet'));
  expect(connection.status()).toMatchObject({
    connected: false,
    state: 'starting',
    lastError: { message: 'not yet' },
  });
  connection.becameConnected();
  connection.becameConnected();
  expect(connection.status()).toMatchObject({ connected: true, lastError: { message: 'not yet' } });
  connection.failed(new Error('gone'));
  connection.failed(new Error('still gone'));
  expect(connection.status()).toMatchObject({
    connected: false,
    state: 'interrupted',
    lastError: { message: 'still gone' },
  });
  connection.becameConnected();
  connection.becameClosed();
  connection.becameConnected();
  connection.failed(new Error('late'));
  expect(connection.connected).toBe(false);
  expect(changes).toEqual(['connected', 'interrupted', 'connected', 'closed']);
});

describe('the last error', () => {
  const QUIET_MS = 3_000;
  beforeEach(() => jest.useFakeTimers({ now: Date.parse('2030-01-01T00:00:00Z') }));
  afterEach(() => jest.useRealTimers());

  it('is over as soon as what it interrupted works again, and says since when', () => {
    const told: ConnectionStatus[] = [];
    const connection = createConnectionState((status) => told.push(status), QUIET_MS);
    connection.becameConnected();
    connection.failed(new Error('gone'));
    const at = '2030-01-01T00:00:00.000Z';
    expect(connection.status().lastError).toEqual({ message: 'gone', at, resolvedAt: null });
    jest.advanceTimersByTime(60_000);
    expect(connection.status().lastError!.resolvedAt).toBeNull();
    connection.becameConnected();
    const over = { message: 'gone', at, resolvedAt: '2030-01-01T00:01:00.000Z' };
    expect(connection.status().lastError).toEqual(over);
    expect(told.at(-1)).toMatchObject({ state: 'connected', lastError: over });
    jest.advanceTimersByTime(60_000);
    connection.becameConnected();
    expect(connection.status().lastError).toEqual(over);
    connection.failed(new Error('gone again'));
    expect(connection.status().lastError).toMatchObject({ message: 'gone again', resolvedAt: null });
  });

  it('goes on while a part does not work, and one that interrupted nothing until it stays away', () => {
    const connection = createConnectionState(() => undefined, QUIET_MS);
    connection.failed(new Error('one of many'));
    connection.becameConnected(false);
    jest.advanceTimersByTime(QUIET_MS);
    connection.becameConnected(false);
    expect(connection.status().lastError!.resolvedAt).toBeNull();
    connection.noted(new Error('again'));
    connection.becameConnected();
    expect(connection.status().lastError!.resolvedAt).toBeNull();
    jest.advanceTimersByTime(QUIET_MS);
    connection.becameConnected();
    expect(connection.status().lastError!.resolvedAt).toBe('2030-01-01T00:00:06.000Z');
  });
});
