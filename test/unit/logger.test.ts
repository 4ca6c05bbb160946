import { createLogger } from '../../src/logger';

describe('the logger', () => {
  it('redacts credentials in headers', () => {
    const lines: string[] = [];
    const logger = createLogger({ level: 'info', destination: { write: (line) => void lines.push(line) } });
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

  it('hides configured secrets, wherever they occur', () => {
    const lines: string[] = [];
    const secret = 'pass"word\\1';
    const logger = createLogger({
      level: 'info',
      secrets: [secret, 'x'],
      destination: { write: (line) => void lines.push(line) },
    });
    const error = Object.assign(new Error(`login with ${secret} failed`), { config: { password: secret } });
    logger.error({ err: error, deep: { in: [secret] } }, `not with ${secret}`);
    const text = lines.join('');
    expect(text).toContain('login with [hidden] failed');
    expect(text).not.toContain(secret);
    expect(text).not.toContain(JSON.stringify(secret).slice(1, -1));
    expect(JSON.parse(text)).toMatchObject({ deep: { in: ['[hidden]'] }, msg: 'not with [hidden]' });
  });

  describe('as text', () => {
    const lines: string[] = [];
    const destination = { write: (line: string) => void lines.push(line) };
    const logger = createLogger({ level: 'info', format: 'text', secrets: ['secret-5'], destination });
    const AT = String.raw`\d\d:\d\d:\d\d\.\d{3}`;

    it.each([
      [{ port: 3_000, host: '::' }, 'Listening', `${AT} INFO  Listening  port=3000  host=::`],
      [{ path: '/a b', ids: [1] }, 'Closed', `${AT} INFO  Closed  path="/a b"  ids=\\[1\\]`],
      [{ key: 'secret-5' }, 'Hidden', `${AT} INFO  Hidden  key=\\[hidden\\]`],
      [{ agent: '\u009b2J' }, 'Opened', `${AT} INFO  Opened  agent= 2J`],
    ])('shows %j', (fields, message, line) => {
      logger.info(fields, message);
      expect(lines.pop()).toMatch(new RegExp(`^${line}\n$`));
    });

    it('shows the message of an error, and its stack at level error', () => {
      const err = new Error('no route');
      logger.warn({ err, topic: 'a' }, 'Append failed');
      expect(lines.pop()).toMatch(new RegExp(`^${AT} WARN  Append failed  topic=a  error="no route"\n$`));
      logger.error({ err }, 'Append failed');
      expect(lines.pop()).toMatch(
        new RegExp(`^${AT} ERROR Append failed  error="no route"\nError: no route\n +at .+`),
      );
    });
  });
});
