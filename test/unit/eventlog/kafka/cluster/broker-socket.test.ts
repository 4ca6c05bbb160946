import { nameOf, parseAddress } from '../../../../../src/eventlog/kafka/cluster/broker-socket';

it.each([
  ['b1.example:9092', { host: 'b1.example', port: 9092 }],
  ['127.0.0.1:1', { host: '127.0.0.1', port: 1 }],
  ['[::1]:9092', { host: '::1', port: 9092 }],
  ['[2001:db8::7]:65535', { host: '2001:db8::7', port: 65535 }],
])('%s', (name, address) => {
  expect(parseAddress(name)).toEqual(address);
  expect(nameOf(address)).toBe(name);
});
