import { traceHeadersOf } from '../../../src/ingest/trace-context';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const VALID = `00-${TRACE}-${PARENT}-01`;

function passedOn(traceparent: string | undefined, tracestate?: string): Record<string, string> {
  const headers = traceHeadersOf({
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(tracestate === undefined ? {} : { tracestate }),
  });
  return Object.fromEntries(headers.map(({ key, value }) => [key, String(value)]));
}

describe('traceHeadersOf', () => {
  it('passes a valid context on as it is', () => {
    expect(passedOn(VALID, 'congo=t61rcWkgMzE,rojo=00f067aa0ba902b7')).toEqual({
      traceparent: VALID,
      tracestate: 'congo=t61rcWkgMzE,rojo=00f067aa0ba902b7',
    });
    expect(passedOn(`00-${TRACE}-${PARENT}-00`)).toEqual({ traceparent: `00-${TRACE}-${PARENT}-00` });
  });

  it.each([
    ['nothing', undefined],
    ['no context', ''],
    ['upper case', VALID.toUpperCase()],
    ['a trace id of zeros', `00-${'0'.repeat(32)}-${PARENT}-01`],
    ['a parent id of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['version ff', `ff${VALID.slice(2)}`],
    ['version 00 with more', `${VALID}-more`],
    ['a later version with more but no dash', `01${VALID.slice(2)}more`],
    ['a short trace id', `00-${TRACE.slice(1)}-${PARENT}-01`],
    ['two of them', `${VALID}, ${VALID}`],
    ['a line end', `${VALID}\n`],
  ])('takes %s for none, and then no tracestate either', (_, traceparent) => {
    expect(passedOn(traceparent, 'a=b')).toEqual({});
  });

  it.each([
    [`01-${TRACE}-${PARENT}-01`, '01'],
    [`cc-${TRACE}-${PARENT}-ff-what.the-future-brings`, '01'],
    [`cc-${TRACE}-${PARENT}-fe`, '00'],
  ])('reads of a later version what is known: %s', (later, flags) => {
    expect(passedOn(later)).toEqual({ traceparent: `00-${TRACE}-${PARENT}-${flags}` });
  });

  it.each([
    ['blanks and empty members', ' a=1 , ,b=2\t', 'a=1,b=2'],
    ['a tenant', '0t@sys=v', '0t@sys=v'],
    ['as many members as there may be', manyMembers(32), manyMembers(32)],
    ['the longest', `a=${'x'.repeat(255)},b=${'x'.repeat(252)}`, `a=${'x'.repeat(255)},b=${'x'.repeat(252)}`],
  ])('passes tracestate on with %s', (_, given, expected) => {
    expect(passedOn(VALID, given)).toEqual({ traceparent: VALID, tracestate: expected });
  });

  it.each([
    ['too long', `a=${'x'.repeat(255)},b=${'x'.repeat(253)}`],
    ['too many members', manyMembers(33)],
    ['empty', ''],
    ['a key in upper case', 'A=1'],
    ['a value with =', 'a=1=2'],
    ['no value', 'a'],
    ['a control character', 'a=\u0001'],
    ['not ASCII', 'a=ü'],
    ['one bad member among good ones', 'a=1,B=2'],
  ])('leaves out a tracestate that is bad, alone: %s', (_, tracestate) => {
    expect(passedOn(VALID, tracestate)).toEqual({ traceparent: VALID });
  });
});

function manyMembers(count: number): string {
  return Array.from({ length: count }, (_, i) => `k${i}=v`).join(',');
}
