import type { IncomingMessage } from 'node:http';
import { apiKeyOf, bearerOf, cookieOf, tokenOf } from '../../../src/auth/credentials';

const request = (headers: Record<string, string>) => ({ headers }) as unknown as IncomingMessage;

describe('bearerOf', () => {
  it.each([
    ['Bearer abc', 'abc'],
    ['bearer   a.b-c_d~e+f/g== ', 'a.b-c_d~e+f/g=='],
    ['Bearer', null],
    ['Bearer ', null],
    ['Bearer a b', null],
    ['Bearer a=b', null],
    ['Basic abc', null],
    ['Bearerabc', null],
    ['', null],
  ])('of %j is %j', (authorization, token) => expect(bearerOf(request({ authorization }))).toBe(token));
});

describe('cookieOf', () => {
  it.each([
    ['t=1', '1'],
    ['a=0; t=1; b=2', '1'],
    ['t=1; t=2', '1'],
    ['t="1"', '1'],
    [' t = 1 ', '1'],
    ['xt=1', null],
    ['T=1', null],
    ['t', null],
    ['t=', ''],
    ['a=t=1', null],
    ['', null],
  ])('of %j is %j', (cookie, value) => expect(cookieOf(request({ cookie }), 't')).toBe(value));
});

describe('tokenOf', () => {
  it('prefers the header, and takes no cookie unless it is named', () => {
    const both = request({ authorization: 'Bearer h', cookie: 't=c' });
    expect(tokenOf(both, 't')).toEqual({ text: 'h', isCookie: false });
    expect(tokenOf(request({ cookie: 't=c' }), 't')).toEqual({ text: 'c', isCookie: true });
    expect(tokenOf(request({ cookie: 't=c' }), null)).toBeNull();
    expect(tokenOf(request({ cookie: 't=' }), 't')).toBeNull();
    expect(tokenOf(request({ authorization: 'Basic eDp5', cookie: 't=c' }), 't')).toEqual({
      text: 'c',
      isCookie: true,
    });
  });
});

describe('apiKeyOf', () => {
  it('is the header', () => {
    expect(apiKeyOf(request({ 'x-api-key': 'k' }))).toBe('k');
    expect(apiKeyOf(request({ 'x-api-key': '' }))).toBeNull();
    expect(apiKeyOf(request({}))).toBeNull();
  });
});
