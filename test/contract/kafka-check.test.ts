import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { freePorts } from '../../infra/local/ports';
import { mainFile } from '../../infra/local/program';
import { useBroker } from '../support/kafka';
import { ACLS, topicAt } from '../support/topic';

jest.setTimeout(60_000);

/** `kafka-sse-gateway check` as an operator runs it. */
async function runCheck(env: Record<string, string>) {
  const child = spawn(process.execPath, [mainFile(), 'check'], {
    env: { PATH: process.env.PATH!, KAFKA_SILENCE_MS: '1000', KAFKA_REQUEST_TIMEOUT_MS: '1000', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [output, errors] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    child.exitCode ?? once(child, 'exit'),
  ]);
  const lines = output.split('\n');
  return { code: child.exitCode, lines, errors, faults: lines.filter((line) => line.startsWith('!')) };
}

describe('check', () => {
  const kafka = useBroker({ properties: ACLS });
  const env = (topics: string) => ({ KAFKA_BROKERS: kafka.bootstrap.join(), KAFKA_TOPICS: topics });

  it('shows the newest records of each topic as clients get them, and exits with 0', async () => {
    const orders = topicAt(kafka.bootstrap, 'orders');
    await orders.create({ partitions: 2 });
    await orders.produce(
      Array.from({ length: 5 }, (_, i) => ({
        value: `{"n":${i}}`,
        partition: 1,
        headers: { channel: `/${i}`, event: 'paid' },
      })),
    );
    await topicAt(kafka.bootstrap, 'empty').create();
    const { code, lines, faults } = await runCheck(env('orders=/orders,empty=/empty'));
    expect(faults).toEqual([]);
    expect(code).toBe(0);
    expect(lines.slice(1, -1)).toEqual([
      '',
      'topic orders on /orders: 2 partitions, offsets for 5 records',
      '    /orders/2  paid  {"n":2}',
      '    /orders/3  paid  {"n":3}',
      '    /orders/4  paid  {"n":4}',
      '',
      'topic empty on /empty: 1 partition, offsets for 0 records',
      '    no records yet',
      '',
      'all is well',
    ]);
  });

  it('says what to do about missing topics and rights, creates nothing, and exits with 2', async () => {
    for (const [name, right] of [
      ['unread', 'READ'],
      ['unwritten', 'WRITE'],
      ['hidden', 'DESCRIBE'],
    ] as const) {
      const topic = topicAt(kafka.bootstrap, name);
      await topic.create();
      await topic.produce([{ value: 'x', partition: 0 }]);
      await topic.deny([right]);
    }
    const topics = 'unread=/a,unwritten=/b,hidden=/c,events-topic=/d,ordres=/e';
    const { code, lines, faults } = await runCheck(env(topics));
    expect(faults).toEqual([
      expect.stringMatching('lacks the right Read on topic unread: kafka-acls --add'),
      expect.stringMatching('lacks the right Write on topic unwritten: kafka-acls --add .*INGEST=off'),
      expect.stringMatching('hidden'),
      expect.stringMatching('topic events-topic does not exist'),
      expect.stringMatching('topic ordres does not exist.*did you mean orders'),
    ]);
    expect(lines).toContain('    /b  message  x');
    expect(lines.at(-2)).toBe('5 faults, in the lines with !');
    expect(code).toBe(2);
    const again = await runCheck({ ...env('unwritten=/b'), INGEST: 'off' });
    expect([again.code, again.faults]).toEqual([0, []]);
  });

  it('names the faults of the configuration, all of them, before it connects', async () => {
    const { code, errors } = await runCheck({ ...env('a b,c={x}'), PORT: 'x' });
    expect(errors).toMatch(
      /KAFKA_TOPICS[\s\S]*KAFKA_TOPICS[\s\S]*PORT|PORT[\s\S]*KAFKA_TOPICS[\s\S]*KAFKA_TOPICS/,
    );
    expect(code).toBe(2);
  });
});

it('check says why there is no broker', async () => {
  const [port] = await freePorts(1);
  const { code, faults } = await runCheck({ KAFKA_BROKERS: `127.0.0.1:${port}` });
  expect(faults).toEqual([
    expect.stringMatching(`127.0.0.1:${port}: connect failed \\(refused\\).*check that`),
  ]);
  expect(code).toBe(2);
});
