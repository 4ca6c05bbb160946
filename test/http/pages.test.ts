import { startGateway } from '../support/gateway';
import { rawHttp } from '../support/raw-http';

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8';

describe('GET /', () => {
  it.each([
    ['a browser', BROWSER, 'text/html; charset=utf-8'],
    ['curl', '*/*', 'application/json; charset=utf-8'],
    ['a client of JSON', 'application/json', 'application/json; charset=utf-8'],
    [
      'a client that likes JSON better',
      'text/html;q=0.5, application/json',
      'application/json; charset=utf-8',
    ],
  ])('gives %s what it prefers', async (_, accept, type) => {
    const { url } = await startGateway();
    const res = await fetch(url, { headers: { Accept: accept } });
    expect(res.status).toBe(200);
    expect(res.headers.get('content-type')).toBe(type);
    expect(res.headers.get('vary')).toContain('Accept');
  });

  it('is JSON without an Accept header', async () => {
    const { port } = await startGateway();
    await rawHttp(port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n').until('"GET /sse"');
  });

  it('is a page that may load nothing but its own files, under relative addresses only', async () => {
    const { url } = await startGateway({ CORS_ORIGINS: 'https://a.example' });
    const res = await fetch(url, { headers: { Accept: BROWSER } });
    const policy = res.headers.get('content-security-policy')!.split('; ');
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy.join()).not.toContain('unsafe');
    expect(res.headers.get('x-content-type-options')).toBe('nosniff');
    expect(res.headers.get('referrer-policy')).toBe('no-referrer');
    expect(res.headers.get('x-frame-options')).toBe('DENY');
    expect(res.headers.get('cross-origin-opener-policy')).toBe('same-origin');
    expect(res.headers.get('cross-origin-resource-policy')).toBe('same-origin');
    expect(res.headers.get('vary')!.split(', ').sort()).toEqual(['Accept', 'Origin']);
    const html = await res.text();
    const addresses = [...html.matchAll(/\b(?:src|href|action)="([^"]*)"/g)].map(([, address]) => address!);
    expect(addresses).toContain('web/pages.css');
    for (const address of addresses) expect(address).not.toMatch(/^(\/|https?:)/);
    expect(html).not.toMatch(/<script(?![^>]*src=)|<style|\sstyle=|\son[a-z]+=/);
  });
});

describe('GET /web/', () => {
  it('serves a file, and 304 for its ETag', async () => {
    const { url } = await startGateway();
    const res = await fetch(`${url}/web/pages.css`);
    expect(res.headers.get('content-type')).toBe('text/css; charset=utf-8');
    const etag = res.headers.get('etag')!;
    const again = await fetch(`${url}/web/pages.css`, { headers: { 'If-None-Match': etag } });
    expect(again.status).toBe(304);
  });

  it.each([
    '/web/',
    '/web/none.js',
    '/web/tsconfig.json',
    '/web/live.ts',
    '/web/..%2fgateway.ts',
    '/web/%2e%2e/x',
  ])('has no %s', async (path) => {
    const { port } = await startGateway();
    await rawHttp(port, `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`).until('HTTP/1.1 404');
  });

  it('allows GET only', async () => {
    const { url } = await startGateway();
    expect((await fetch(`${url}/web/pages.css`, { method: 'POST' })).status).toBe(405);
  });
});
