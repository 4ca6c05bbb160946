import type { IncomingMessage } from 'node:http';
import { createClientAddress, networkOf } from '../../../src/http/client-address';

function requestFrom(peer: string, headers: Record<string, string> = {}): IncomingMessage {
  return {
    socket: { remoteAddress: peer },
    headers: { host: 'localhost', ...headers },
  } as unknown as IncomingMessage;
}

describe('the address of a client', () => {
  it.each([
    [0, '10.0.0.1', '1.1.1.1', '10.0.0.1'],
    [1, '10.0.0.1', undefined, '10.0.0.1'],
    [1, '10.0.0.1', '1.1.1.1', '1.1.1.1'],
    [1, '10.0.0.1', 'forged, 1.1.1.1', '1.1.1.1'],
    [2, '10.0.0.1', '9.9.9.9, 1.1.1.1, 10.0.0.2', '1.1.1.1'],
    [2, '10.0.0.1', '1.1.1.1', '1.1.1.1'],
    [2, '10.0.0.1', 'unknown, 10.0.0.2', '10.0.0.2'],
    [1, '10.0.0.1', '', '10.0.0.1'],
    [1, '10.0.0.1', '[2001:db8::1]:4711', '2001:db8::1'],
    [1, '10.0.0.1', '1.1.1.1:4711', '1.1.1.1'],
    [0, '::ffff:10.0.0.1', undefined, '10.0.0.1'],
    [0, '::1', '1.1.1.1', '::1'],
    // What the client made up stands before what the proxies added, however much of it there is.
    [2, '10.0.0.1', `${'9.9.9.9, '.repeat(500)}1.1.1.1, 10.0.0.2`, '1.1.1.1'],
    [3, '10.0.0.1', '1.1.1.1, 10.0.0.2', '1.1.1.1'],
    [100, '10.0.0.1', '1.1.1.1', '1.1.1.1'],
    [1, '10.0.0.1', ', 1.1.1.1', '1.1.1.1'],
    [2, '10.0.0.1', '1.1.1.1, , 10.0.0.2', '10.0.0.2'],
    [1, '10.0.0.1', '1.1.1.1,', '10.0.0.1'],
    [2, '10.0.0.1', ' 1.1.1.1\t,\t10.0.0.2 ', '1.1.1.1'],
    [2, '10.0.0.1', '1.1.1.1,10.0.0.2', '1.1.1.1'],
    [2, '::1', '2001:db8::1, [2001:db8::2]:80', '2001:db8::1'],
    [1, '10.0.0.1', '[2001:db8::1]', '2001:db8::1'],
    [1, '10.0.0.1', '2001:db8::1', '2001:db8::1'],
    [1, '10.0.0.1', '::FFFF:1.1.1.1', '1.1.1.1'],
    [1, '10.0.0.1', '[::ffff:1.1.1.1]:80', '1.1.1.1'],
    [1, '10.0.0.1', '1.1.1.999', '10.0.0.1'],
    [1, '10.0.0.1', '1.1.1.1:', '10.0.0.1'],
    [1, '10.0.0.1', '"1.1.1.1"', '10.0.0.1'],
    [1, '10.0.0.1', 'localhost', '10.0.0.1'],
  ])('%d believed, from %s with %s, is %s', (trustProxy, peer, header, expected) => {
    const request = requestFrom(peer, header === undefined ? {} : { 'x-forwarded-for': header });
    expect(createClientAddress(trustProxy).of(request)).toBe(expected);
  });

  it.each([
    [0, '127.0.0.1', {}, true],
    [0, '::1', {}, true],
    [0, '::ffff:127.0.0.1', { host: '[::1]:80' }, true],
    [0, '192.168.0.5', {}, false],
    [0, '127.0.0.1', { host: 'evil.example' }, false],
    [0, '127.0.0.1', { 'x-forwarded-for': '127.0.0.1' }, false],
    [0, '127.0.0.1', { 'x-forwarded-for': '' }, false],
    [0, '127.0.0.1', { 'x-real-ip': '127.0.0.1' }, false],
    [1, '127.0.0.1', {}, true],
    [1, '127.0.0.1', { 'x-forwarded-for': '127.0.0.1' }, false],
    [1, '127.0.0.1', { 'x-real-ip': '127.0.0.1' }, false],
    // One proxy fewer than is believed: the first address is the stranger's own word.
    [2, '127.0.0.1', { 'x-forwarded-for': '127.0.0.1, 192.168.0.5' }, false],
    // Whoever reaches the gateway past its proxy may write what they like.
    [1, '192.168.0.5', { 'x-forwarded-for': '127.0.0.1' }, false],
  ])('%d believed, from %s with %j: on this machine is %s', (trustProxy, peer, headers, expected) => {
    expect(
      createClientAddress(trustProxy).isLocal(requestFrom(peer, headers as Record<string, string>)),
    ).toBe(expected);
  });
});

describe('networkOf', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['', ''],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002::1', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['1::2:3:4:5:6:7', '1:0:2:3::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::192.0.2.7', '64:ff9b:0:0::/64'],
  ])('of %s is %s', (address, network) => expect(networkOf(address)).toBe(network));
});
