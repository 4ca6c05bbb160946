import { loopbackUrls } from '../../../loadtest/run/shards';

describe('loopbackUrls', () => {
  it('moves what is on this machine, and nothing else', () => {
    expect(loopbackUrls('http://127.0.0.1:8080', 3)).toBe('http://127.0.0.3:8080');
    expect(loopbackUrls('http://localhost/a,http://localhost:81', 2)).toBe(
      'http://127.0.0.2/a,http://127.0.0.2:81',
    );
    expect(loopbackUrls('https://events.example.org,http://127.example.org', 2)).toBe(
      'https://events.example.org,http://127.example.org',
    );
  });
});
