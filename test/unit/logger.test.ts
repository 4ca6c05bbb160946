import { createLogger } from '../../src/logger';

describe('the logger', () => {
  it('never shows what a client proves itself with', () => {
    const lines: string[] = [];
    const logger = createLogger('info', [], { write: (line) => void lines.push(line) });
    const headers = {
      authorization: 'Bearer secret-1',
      cookie: 'session=secret-2',
      'x-api-key': 'secret-3',
      'user-agent': 'test/1',
    };
    logger.info({ headers }, 'as they are');
    logger.info({ req: { headers } }, 'of a request');
    logger.info({ res: { headers: { 'set-cookie': 'session=secret-4' } } }, 'of an answer');
    expect(lines.join('')).not.toContain('secret-');
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual([
      'as they are',
      'of a request',
      'of an answer',
    ]);
    expect(JSON.parse(lines[0]!).headers['user-agent']).toBe('test/1');
  });

  it('hides what it was told never to show, wherever it comes from', () => {
    const lines: string[] = [];
    const secret = 'pass"word\\1';
    const logger = createLogger('info', [secret, 'x'], { write: (line) => void lines.push(line) });
    const error = Object.assign(new Error(`login with ${secret} failed`), { config: { password: secret } });
    logger.error({ err: error, deep: { in: [secret] } }, `not with ${secret}`);
    const text = lines.join('');
    expect(text).toContain('login with [hidden] failed');
    expect(text).not.toContain(secret);
    expect(text).not.toContain(JSON.stringify(secret).slice(1, -1));
    expect(JSON.parse(text)).toMatchObject({ deep: { in: ['[hidden]'] }, msg: 'not with [hidden]' });
  });
});
