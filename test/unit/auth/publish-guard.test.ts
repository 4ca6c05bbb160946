import { createHash } from 'node:crypto';
import { grants } from '../../../src/auth/grant';
import { createApiKeys } from '../../../src/auth/publish-guard';
import { parseConfig } from '../../../src/config';
import { faultsOf } from '../../support/config-faults';

const SECRET = 'orders-secret-0123456789';
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

function keysOf(setting: string) {
  return parseConfig({ API_KEYS: setting }).auth.apiKeys;
}

function faultOf(env: Record<string, string>): string {
  return faultsOf(env).join('\n');
}

describe('API_KEYS', () => {
  it('are kept as digests only', () => {
    expect(keysOf(`orders=${SECRET};/orders;/stock/eu, all=sha256:${sha256('other').toUpperCase()}`)).toEqual(
      [
        { name: 'orders', digest: sha256(SECRET), channels: ['/orders', '/stock/eu'] },
        { name: 'all', digest: sha256('other'), channels: ['/'] },
      ],
    );
    expect(JSON.stringify(parseConfig({ API_KEYS: `orders=${SECRET}` }))).not.toContain(SECRET);
  });

  it.each([
    ['no name', SECRET],
    ['a name with a space', `my key=${SECRET}`],
    ['a short secret', 'orders=0123456789abcde'],
    ['a secret that no header can carry', 'orders=0123456789 0123456789'],
    ['a cut digest', `orders=sha256:${sha256('x').slice(1)}`],
    ['an empty channel', `orders=${SECRET};`],
    ['a channel that ends in a slash', `orders=${SECRET};/orders/`],
    ['one name twice', `orders=${SECRET},orders=${SECRET}x`],
    ['one secret twice', `a=${SECRET},b=${SECRET}`],
  ])('with %s are refused, without telling the secret', (_, setting) => {
    const fault = faultOf({ API_KEYS: setting });
    expect(fault).toMatch(/^API_KEYS /);
    expect(fault).not.toContain('0123456789');
  });

  it('know their secrets, and nothing like them', () => {
    const keys = createApiKeys(keysOf(`old=${SECRET}1,new=${SECRET}2;/a`));
    expect(keys.find(`${SECRET}1`)).toMatchObject({ holder: 'key:old', channels: ['/'] });
    expect(keys.find(`${SECRET}2`)).toMatchObject({ holder: 'key:new', channels: ['/a'] });
    for (const wrong of ['', SECRET, `${SECRET}1 `, `${SECRET}3`, sha256(`${SECRET}1`), 'x'.repeat(100_000)])
      expect(keys.find(wrong)).toBeNull();
  });

  it.each([
    ['/a', true],
    ['/a/b', true],
    ['/a/b/c', true],
    ['/ab', false],
    ['/', false],
    ['/b/a', false],
    ['/A', false],
    ['/a%2fb', false],
  ])('grant /a the channel %s by whole segments: %s', (channel, granted) => {
    const grant = createApiKeys(keysOf(`k=${SECRET};/a`)).find(SECRET)!;
    expect(grants(grant, channel)).toBe(granted);
  });
});
