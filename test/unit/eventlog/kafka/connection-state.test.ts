import type { ConnectionStatus } from '../../../../src/eventlog/event-log';
import { createConnectionState } from '../../../../src/eventlog/kafka/connection-state';

it('goes from starting over connected to interrupted and back, and keeps the last error', () => {
  const changes: ConnectionStatus['state'][] = [];
  const connection = createConnectionState(({ state }) => changes.push(state));
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
