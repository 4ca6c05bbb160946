import {
  channelAndAncestors,
  channelFault,
  channelOf,
  covers,
  joinChannels,
  normaliseChannels,
  relativeChannel,
} from '../../src/wire/channel';

describe('channelFault', () => {
  it.each([
    '/',
    '/a',
    '/pets/dogs',
    '/ünïcode/日本',
    `/${'a'.repeat(254)}`,
    `/${'a/'.repeat(15)}a`,
    '/a b',
    '/...',
  ])('takes %j', (channel) => expect(channelFault(channel)).toBeNull());

  it.each([
    ['', 'empty'],
    ['a', 'begin'],
    ['//', 'empty'],
    ['/a/', 'empty'],
    ['/a//b', 'empty'],
    ['/.', '"."'],
    ['/a/../b', '".."'],
    ['/a\n', 'control'],
    ['/a\0', 'control'],
    ['/a\u0085', 'control'],
    [`/${'a'.repeat(255)}`, '255 bytes'],
    [`/${'ü'.repeat(128)}`, '255 bytes'],
    [`/${'a/'.repeat(16)}a`, '16 segments'],
    ['/\ud800', 'UTF-8'],
  ])('refuses %j: %s', (channel, reason) => expect(channelFault(channel)).toContain(reason));
});

describe('channelOf', () => {
  it.each([
    ['a', '/a'],
    ['a/b', '/a/b'],
    ['/a', '/a'],
    ['//a', '//a'],
    ['/', '/'],
    ['', ''],
  ])('reads %j as %j', (text, channel) => expect(channelOf(text)).toBe(channel));
});

describe('channels as paths', () => {
  it('gives a parent its children’s events by whole segments', () => {
    expect(covers('/pets', '/pets')).toBe(true);
    expect(covers('/pets', '/pets/dogs')).toBe(true);
    expect(covers('/pet', '/pets')).toBe(false);
    expect(covers('/pets', '/pets2')).toBe(false);
    expect(covers('/pets/dogs', '/pets')).toBe(false);
    expect(covers('/', '/anything/at/all')).toBe(true);
  });

  it('lists a channel and all above it', () => {
    expect(channelAndAncestors('/')).toEqual(['/']);
    expect(channelAndAncestors('/a')).toEqual(['/a', '/']);
    expect(channelAndAncestors('/a/b/c')).toEqual(['/a/b/c', '/a/b', '/a', '/']);
  });

  it('drops what lies below another one of a set', () => {
    expect(normaliseChannels(['/b', '/a/x', '/a', '/a'])).toEqual(['/a', '/b']);
    expect(normaliseChannels(['/a', '/'])).toEqual(['/']);
    expect(normaliseChannels(['/a', '/ab'])).toEqual(['/a', '/ab']);
  });

  it('maps channels under a base and back', () => {
    for (const [base, relative, whole] of [
      ['/', '/x', '/x'],
      ['/', '/', '/'],
      ['/base', '/', '/base'],
      ['/base', '/x/y', '/base/x/y'],
    ] as const) {
      expect(joinChannels(base, relative)).toBe(whole);
      expect(relativeChannel(base, whole)).toBe(relative);
    }
  });
});
