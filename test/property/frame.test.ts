import { createParser, type EventSourceMessage } from 'eventsource-parser';
import fc from 'fast-check';
import { addFrame } from '../../src/hub/slice';
import { dataOf, encodeFrame, HEARTBEAT, idLine } from '../../src/wire/frame';
import { createFrameDecoder, type DecodedEvent } from '../../src/wire/frame-decoder';

/** Any text, with far more line ends and colons in it than chance would give. */
const text = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: fc.string({ unit: 'binary' }) },
      fc.constantFrom('\r', '\n', '\r\n', ':', ' ', 'data:', '\uFEFF'),
    ),
  )
  .map((parts) => parts.join('').toWellFormed());
const line = text.map((value) => value.replace(/[\r\n\0]/g, ''));
const lineEndsAsLf = (value: string) => value.replace(/\r\n|\r/g, '\n');

const events = fc.array(
  fc.record({ id: fc.option(line), event: fc.option(line.filter((name) => name !== '')), data: text }),
);

function encoded(list: { id: string | null; event: string | null; data: string }[]): Buffer {
  return Buffer.concat(list.map(({ id, event, data }) => encodeFrame(id, event, Buffer.from(data)).bytes));
}

/** Cuts a text at random places. */
function cut(whole: string, places: number[]): string[] {
  const at = [0, ...places.map((place) => place % (whole.length + 1)).sort((a, b) => a - b), whole.length];
  return at.slice(1).map((end, i) => whole.slice(at[i], end));
}

describe('encodeFrame', () => {
  it('gives any text back through eventsource-parser, line ends as LF', () => {
    fc.assert(
      fc.property(events, (list) => {
        const got: EventSourceMessage[] = [];
        createParser({ onEvent: (event) => got.push(event) }).feed(encoded(list).toString());
        expect(got.map(({ data, event, id }) => ({ data, event: event ?? null, id: id ?? null }))).toEqual(
          list.map(({ data, event, id }) => ({ data: lineEndsAsLf(data), event, id })),
        );
      }),
    );
  });

  it('writes the id as the last line, and says where it begins', () => {
    fc.assert(
      fc.property(fc.option(line), fc.option(line), text, (id, event, data) => {
        const { bytes, bodyEnd } = encodeFrame(id, event, Buffer.from(data));
        const bare = encodeFrame(null, event, Buffer.from(data));
        expect(bytes.subarray(bodyEnd).toString()).toBe(id === null ? '\n' : `id: ${id}\n\n`);
        expect(bytes.subarray(0, bodyEnd)).toEqual(bare.bytes.subarray(0, bare.bodyEnd));
      }),
    );
  });

  it('gives the data back from its bytes', () => {
    fc.assert(
      fc.property(fc.option(line), fc.option(line), text, (id, event, data) => {
        expect(dataOf(encodeFrame(id, event, Buffer.from(data)))).toBe(lineEndsAsLf(data));
      }),
    );
  });

  it('can be written with another id, and with the id before the data, byte for byte', () => {
    const frame = encodeFrame('1', 'name', Buffer.from('a\nb'));
    const own = Buffer.from(idLine('2'));
    const written = (idFirst: boolean, ownId: Buffer | null) => {
      const parts: Uint8Array[] = [];
      const bytes = addFrame(parts, { idFirst }, frame, ownId);
      const whole = Buffer.concat(parts);
      expect(bytes).toBe(whole.length);
      return whole.toString();
    };
    expect(written(false, null)).toBe('event: name\ndata: a\ndata: b\nid: 1\n\n');
    expect(written(false, own)).toBe('event: name\ndata: a\ndata: b\nid: 2\n\n');
    expect(written(true, null)).toBe('id: 1\nevent: name\ndata: a\ndata: b\n\n');
    expect(written(true, own)).toBe('id: 2\nevent: name\ndata: a\ndata: b\n\n');
  });

  it('has memory of its own: a small part of a larger block would keep the whole of it in the ring', () => {
    const { bytes } = encodeFrame('1', 'name', Buffer.from('data'));
    expect(bytes.buffer.byteLength).toBe(bytes.length);
  });

  it.each(['\r', '\n', '\0', 'a\nb'])('refuses %j in an id or an event name', (bad) => {
    expect(() => encodeFrame(bad, null, Buffer.alloc(0))).toThrow(TypeError);
    expect(() => encodeFrame(null, bad, Buffer.alloc(0))).toThrow(TypeError);
    expect(() => idLine(bad)).toThrow(TypeError);
  });

  it('writes the exact bytes of the contract', () => {
    const { bytes } = encodeFrame('1.x', 'goal', Buffer.from('a\r\nb\rc\n'));
    expect(bytes.toString()).toBe('event: goal\ndata: a\ndata: b\ndata: c\ndata: \nid: 1.x\n\n');
    expect(encodeFrame(null, null, Buffer.alloc(0)).bytes.toString()).toBe('data: \n\n');
    expect(HEARTBEAT).toBe(':\n');
  });
});

describe('createFrameDecoder', () => {
  const decode = (parts: string[]) => {
    const got: DecodedEvent[] = [];
    const decoder = createFrameDecoder({ onEvent: (event) => got.push(event) });
    for (const part of parts) decoder.push(part);
    return got;
  };

  it('reads what the encoder wrote, however it is cut', () => {
    fc.assert(
      fc.property(events, fc.array(fc.nat()), (list, places) => {
        const got = decode(cut(encoded(list).toString(), places));
        expect(got.map(({ data, event }) => ({ data, event }))).toEqual(
          list.map(({ data, event }) => ({ data: lineEndsAsLf(data), event: event ?? 'message' })),
        );
      }),
    );
  });

  it('agrees with eventsource-parser on any stream', () => {
    const junk = fc
      .array(
        fc.constantFrom(
          'data',
          'data:',
          'data: ',
          'id:',
          'id',
          'event:',
          ':',
          ' ',
          'x',
          '\n',
          '\n\n',
          '\r\n',
          '\r',
          'retry:',
          '7',
        ),
      )
      .map((parts) => `${parts.join('')}\n\n`);
    fc.assert(
      fc.property(junk, fc.array(fc.nat()), (stream, places) => {
        const expected: { data: string; event: string }[] = [];
        createParser({
          onEvent: ({ data, event }) => expected.push({ data, event: event || 'message' }),
        }).feed(stream);
        expect(decode(cut(stream, places)).map(({ data, event }) => ({ data, event }))).toEqual(expected);
      }),
      { numRuns: 2_000 },
    );
  });

  it('keeps an id until it is changed, and commits one that comes without data', () => {
    const ids: string[] = [];
    const got: DecodedEvent[] = [];
    const decoder = createFrameDecoder({ onEvent: (event) => got.push(event), onId: (id) => ids.push(id) });
    decoder.push('id: 1\ndata: a\n\ndata: b\n\nid: 2\n\nid: 3\0\ndata: c\n\nid\ndata: d\n\n');
    expect(got.map(({ lastEventId }) => lastEventId)).toEqual(['1', '1', '2', '']);
    expect(ids).toEqual(['1', '2', '']);
  });

  it('takes a retry of digits only, and strips one BOM', () => {
    const retries: number[] = [];
    const got: DecodedEvent[] = [];
    const decoder = createFrameDecoder({
      onEvent: (event) => got.push(event),
      onRetry: (ms) => retries.push(ms),
    });
    decoder.push('\uFEFFdata: a\nretry: 30\n\nretry:1000x\n\nretry\n\n\uFEFFdata: b\n\n');
    expect(retries).toEqual([30]);
    expect(got.map(({ data }) => data)).toEqual(['a']);
  });
});
