import { type ShownRecord, shownRecord, topicOf } from '../../support/shown-record';

const ORDER =
  '{"id":7,"type":"new","customer":{"id":"c1","name":"Ada"},"items":[{"sku":"a","price":2},{"sku":"b"}]}';
const KEY = Buffer.from('k');
const HEADERS = [{ key: 'secret', value: Buffer.from('s') }];

describe('channels and names made of values', () => {
  it.each([
    ['/c/{value.customer.id}', ORDER, '/c/c1'],
    ['/c/{value.id}', ORDER, '/c/7'],
    ['/c/{value.items.1.sku}', ORDER, '/c/b'],
    ['/c/{value}', '"a/b"', '/c/a~1b'],
    ['/c/{value}', 'true', '/c/true'],
    // Beyond 2^53 two neighbours are the same double.
    ['/c/{value.id}', '{"id":9007199254740993}', '/c/9007199254740993'],
    [
      '/c/{value.id}',
      '{"x":"1,2 \\"9999999999999999","id":-92233720368547758080}',
      '/c/-92233720368547758080',
    ],
    ['/c/{value.__proto__}', '{"__proto__":"p"}', '/c/p'],
    ['/c/{value.customer}', ORDER, '/c'],
    ['/c/{value.items.length}', ORDER, '/c'],
    ['/c/{value.customer.id.length}', ORDER, '/c'],
    ['/c/{value.constructor.name}', ORDER, '/c'],
    ['/c/{value.toString}', ORDER, '/c'],
    ['/c/{value.none}', ORDER, '/c'],
    ['/c/{value.id}', '{"id":null}', '/c'],
  ])('%s of %s is %s', (channel, value, expected) => {
    expect(shownRecord(topicOf({ channel }), { value })).toMatchObject({ channel: expected, data: value });
  });

  it('name events, without a value as no name, and never as the gateway’s own', () => {
    const topic = topicOf({ event: '{value.type}' });
    const named = (value: string) => {
      const shown = shownRecord(topic, { value, headers: [{ key: 'event', value: Buffer.from('header') }] });
      return typeof shown === 'string' ? shown : shown.event;
    };
    expect(named(ORDER)).toBe('new');
    expect(named('{}')).toBe('message');
    expect(named('{"type":"gateway.reset"}')).toBe('record.gateway.reset');
    expect(named('{"type":"a\\nb"}')).toBe('gateway.undecodable');
    expect(
      shownRecord(topicOf({ event: 'o-{headers.t}' }), { value: 'x', headers: [{ key: 't', value: KEY }] }),
    ).toMatchObject({ event: 'o-k' });
  });

  it('of a value that is not JSON is reported on the channel of its key', () => {
    const topic = topicOf({ channel: '/orders/{key}', fields: ['id'] });
    for (const [value, reason] of [
      ['{"id":1', 'not-json'],
      [Buffer.from([0xff]), 'not-utf8'],
      [`{"id":${'['.repeat(5_000)}${']'.repeat(5_000)}}`, 'too-deep'],
    ] as const) {
      const shown = shownRecord(topic, { key: KEY, value });
      expect(shown).toMatchObject({ channel: '/orders/k', event: 'gateway.undecodable' });
      expect(JSON.parse((shown as { data: string }).data)).toMatchObject({ reason });
    }
  });

  it('puts a tombstone on the channel of its key; without a value there is none', () => {
    expect(shownRecord(topicOf({ channel: '/orders/{key}' }), { key: KEY, value: null })).toMatchObject({
      channel: '/orders/k',
      event: 'gateway.tombstone',
      data: 'k',
    });
    expect(shownRecord(topicOf({ channel: '/orders/{value.id}' }), { key: KEY, value: null })).toMatchObject({
      channel: '/orders',
      event: 'gateway.tombstone',
    });
  });

  it('leave out records without a channel of their own where the topic says so', () => {
    const topic = topicOf({ channel: '/orders/{key}', unmapped: 'drop' });
    expect(shownRecord(topic, { value: 'x' })).toBe('missing');
    expect(shownRecord(topic, { key: KEY, value: 'x' })).toMatchObject({ channel: '/orders/k' });
  });
});

describe('fields', () => {
  it.each([
    [['id', 'customer.id'], ORDER, '{"id":7,"customer":{"id":"c1"}}'],
    [['items.sku'], ORDER, '{"items":[{"sku":"a"},{"sku":"b"}]}'],
    [['customer', 'customer.id'], ORDER, '{"customer":{"id":"c1","name":"Ada"}}'],
    [['none'], ORDER, '{}'],
    [['id.x'], ORDER, '{}'],
    [['id'], '[{"id":1,"x":2},3]', '[{"id":1}]'],
    [['id'], '"secret"', '{}'],
    [['id'], '{"id":12345678901234567890,"x":1}', '{"id":12345678901234567890}'],
    [['__proto__'], '{"__proto__":{"a":1},"x":1}', '{"__proto__":{"a":1}}'],
  ])('%j of %s leave %s', (fields, value, expected) => {
    expect(shownRecord(topicOf({ fields }), { value })).toMatchObject({
      data: expected,
      meta: { data: expected },
    });
  });

  it('keep key and headers here too, also in the envelope, unless the channel is made of the key', () => {
    const record = { key: KEY, headers: HEADERS, value: ORDER };
    const shows = (written: Parameters<typeof topicOf>[0]) => {
      const { meta, data } = shownRecord(topicOf(written), record) as ShownRecord;
      return { key: meta.key, headers: meta.headers, data };
    };
    const data = '{"id":7}';
    expect(shows({ fields: ['id'] })).toEqual({ key: null, headers: {}, data });
    expect(shows({ fields: ['id'], channel: '/orders/{key}' })).toEqual({ key: 'k', headers: {}, data });
    expect(shows({})).toEqual({ key: 'k', headers: { secret: 's' }, data: ORDER });
    expect(shownRecord(topicOf({ fields: ['id'] }), { ...record, value: null })).toMatchObject({ data: '' });
  });
});

describe('where', () => {
  const kept = (where: string, record: Parameters<typeof shownRecord>[1]) => {
    const shown = shownRecord(topicOf({ where }), record);
    return typeof shown === 'string' ? shown : shown.event === 'message' ? 'kept' : shown.event;
  };
  it.each([
    ['value.type == "new"', 'kept'],
    ['value.type != "new"', 'filtered'],
    ['value.id > 5 && value.id < 8', 'kept'],
    ['value.items.exists(item, item.sku == "b")', 'kept'],
    ['has(value.none) && value.none == 1', 'filtered'],
    ['value.none == 1', 'filter-failed'],
    ['value.none != 1', 'filter-failed'],
    ['value.type', 'filtered'],
    ['key == "k" && headers.secret == "s" && topic == "orders" && partition == 3', 'kept'],
    ['"none" in headers', 'filtered'],
    ['value.constructor != null', 'filter-failed'],
    ['value.__proto__ != null', 'filter-failed'],
  ])('%s: %s', (where, expected) => {
    expect(kept(where, { key: KEY, headers: HEADERS, value: ORDER })).toBe(expected);
  });

  it('compares whole numbers by all their digits', () => {
    const value = '{"n":9007199254740993}';
    expect(kept('value.n == 9007199254740993', { value })).toBe('kept');
    expect(kept('value.n == 9007199254740992', { value })).toBe('filtered');
  });

  it('sees a tombstone as null', () => {
    expect(kept('value == null || value.id == 7', { value: null, key: KEY })).toBe('gateway.tombstone');
    expect(kept('value.id == 7', { value: null, key: KEY })).toBe('filter-failed');
  });

  it('reports a value that it cannot read', () => {
    expect(kept('value.id == 7', { value: '{' })).toBe('gateway.undecodable');
    expect(kept('key == "x"', { value: '{', key: KEY })).toBe('filtered');
  });
});

describe('keys that are not text', () => {
  it.each([
    ['int32', Buffer.from([0xff, 0xff, 0xff, 0xfe]), '-2'],
    ['int64', Buffer.from([0x80, 0, 0, 0, 0, 0, 0, 1]), '-9223372036854775807'],
    ['uuid', Buffer.from('00112233445566778899aabbccddeeff', 'hex'), '00112233-4455-6677-8899-aabbccddeeff'],
    ['hex', Buffer.from([0, 0xab]), '00ab'],
  ] as const)('%s', (type, key, text) => {
    const topic = topicOf({ channel: '/orders/{key}', key: type });
    expect(shownRecord(topic, { key, value: 'x' })).toMatchObject({
      channel: `/orders/${text}`,
      meta: { key: text },
    });
    expect(topic.mapping!.fillingFor(`/orders/${text}`)).toEqual({ key, headers: [] });
    expect(topic.mapping!.fillingFor(`/orders/0${text}`)).toBeNull();
    expect(shownRecord(topic, { key, value: null })).toMatchObject({
      event: 'gateway.tombstone',
      data: text,
    });
    if (type !== 'hex')
      expect(shownRecord(topic, { key: Buffer.from('x'), value: 'x' })).toMatchObject({ channel: '/orders' });
    expect(topic.keyOf(`/orders/${text}`)).toBeNull();
  });
});

describe('a value', () => {
  it('is parsed once, and only where something asks for it', () => {
    const parse = jest.spyOn(JSON, 'parse');
    const times = (written: Parameters<typeof topicOf>[0]) => {
      const topic = topicOf(written);
      parse.mockClear();
      const { calls } = parse.mock;
      shownRecord(topic, { key: KEY, value: ORDER });
      return calls.filter(([text]) => text === ORDER).length;
    };
    expect(times({})).toBe(0);
    expect(times({ value: 'json' })).toBe(0);
    expect(times({ channel: '/orders/{key}', event: '{headers.t}', where: 'key == "k"' })).toBe(0);
    expect(
      times({
        channel: '/o/{value.id}/{value.type}',
        event: '{value.type}',
        where: 'value.id == 7',
        fields: ['id'],
      }),
    ).toBe(1);
    parse.mockRestore();
  });
});
