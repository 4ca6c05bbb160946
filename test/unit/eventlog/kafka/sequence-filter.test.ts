import {
  APPENDER_HEADER,
  SEQUENCE_HEADER,
  SequenceFilter,
  splitStamp,
} from '../../../../src/eventlog/kafka/sequence-filter';

const APPENDER = '0123456789abcdef';
const header = (key: string, value: string | null) => ({
  key,
  value: value === null ? null : Buffer.from(value),
});

describe('a stamp', () => {
  it('is taken out of the headers, which keep their order', () => {
    const { stamp, rest } = splitStamp([
      header('a', '1'),
      header(APPENDER_HEADER, APPENDER),
      header('a', '2'),
      header(SEQUENCE_HEADER, '42'),
    ]);
    expect(stamp).toEqual({ appender: APPENDER, sequence: 42 });
    expect(rest).toEqual([header('a', '1'), header('a', '2')]);
  });

  it.each([
    ['no header', []],
    ['only one of the two', [header(APPENDER_HEADER, APPENDER)]],
    ['a short appender', [header(APPENDER_HEADER, 'abc'), header(SEQUENCE_HEADER, '1')]],
    ['a sequence that is no number', [header(APPENDER_HEADER, APPENDER), header(SEQUENCE_HEADER, '-1')]],
    [
      'a sequence beyond exact numbers',
      [header(APPENDER_HEADER, APPENDER), header(SEQUENCE_HEADER, '9'.repeat(16))],
    ],
    ['null values', [header(APPENDER_HEADER, null), header(SEQUENCE_HEADER, null)]],
  ])('is none with %s', (_what, headers) => {
    expect(splitStamp(headers).stamp).toBeNull();
  });
});

describe('the filter', () => {
  it('takes each number of an appender once and only upwards', () => {
    const filter = new SequenceFilter();
    const taken = [1, 2, 2, 1, 5, 4, 6].filter((sequence) =>
      filter.accepts({ appender: APPENDER, sequence }),
    );
    expect(taken).toEqual([1, 2, 5, 6]);
    expect(filter.accepts({ appender: 'another appender', sequence: 1 })).toBe(true);
  });

  it('forgets the appender that was silent for longest when there are too many', () => {
    const filter = new SequenceFilter(2);
    for (const appender of ['a', 'b', 'a', 'c'])
      filter.accepts({ appender, sequence: appender === 'a' ? 7 : 1 });
    filter.accepts({ appender: 'a', sequence: 8 });
    expect(filter.accepts({ appender: 'a', sequence: 8 })).toBe(false);
    expect(filter.accepts({ appender: 'b', sequence: 1 })).toBe(true);
  });

  it('is independent of its copy', () => {
    const filter = new SequenceFilter();
    filter.accepts({ appender: 'a', sequence: 1 });
    const copy = filter.copy();
    expect(copy.accepts({ appender: 'a', sequence: 1 })).toBe(false);
    copy.accepts({ appender: 'a', sequence: 2 });
    expect(filter.accepts({ appender: 'a', sequence: 2 })).toBe(true);
  });
});
