import { UsageError } from '../../../infra/local/command-line';
import { parseKafkaOptions, parseStackOptions } from '../../../infra/local/options';

function fault(parse: () => unknown): UsageError {
  try {
    parse();
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('options of the local commands', () => {
  it('have defaults', () => {
    expect(parseKafkaOptions([])).toEqual({ brokers: 1, port: 9092, dataDir: null, verbose: false });
    expect(parseStackOptions([])).toEqual({
      brokers: 1,
      gateways: 3,
      port: 8080,
      gatewayPort: 3001,
      tickMs: 1000,
      aggregators: 1,
      kafka: null,
      registry: false,
      restart: false,
      verbose: false,
    });
  });

  it('are taken from the command line, in both spellings', () => {
    expect(parseKafkaOptions(['--brokers', '3', '--port=19092', '--data', 'd', '--verbose'])).toEqual({
      brokers: 3,
      port: 19_092,
      dataDir: 'd',
      verbose: true,
    });
    const args =
      '--brokers=3 --gateways 5 --port 0 --gateway-port 0 --tick-ms 10 --aggregators 0 --kafka a:1,b:2 --registry --restart';
    expect(parseStackOptions(args.split(' '))).toEqual({
      brokers: 3,
      gateways: 5,
      port: 0,
      gatewayPort: 0,
      tickMs: 10,
      aggregators: 0,
      kafka: ['a:1', 'b:2'],
      registry: true,
      restart: true,
      verbose: false,
    });
  });

  it('name all faults at once, with the help', () => {
    const { message, exitCode } = fault(() =>
      parseStackOptions([
        '--brokers',
        '2',
        '--gateways',
        '0',
        '--port',
        '70000',
        '--kafka',
        'nowhere',
        '--aggregators',
        '101',
      ]),
    );
    expect(exitCode).toBe(2);
    for (const part of [
      '--brokers must',
      '--gateways must',
      '--port must',
      '--kafka must',
      '--aggregators must',
      'Usage:',
    ]) {
      expect(message).toContain(part);
    }
  });

  it.each(['1.5', '-1', '', 'x', '1e3', '99999999999'])('refuse %j as a number', (value) => {
    expect(fault(() => parseStackOptions([`--tick-ms=${value}`])).message).toContain('--tick-ms must');
  });

  it('refuse what they do not know', () => {
    expect(fault(() => parseKafkaOptions(['--brokres', '3'])).message).toContain('--brokres');
    expect(fault(() => parseKafkaOptions(['extra'])).exitCode).toBe(2);
  });

  it('print the help on demand, which is no fault, and it names every option', () => {
    for (const [parse, names] of [
      [parseKafkaOptions, ['brokers', 'port', 'data', 'verbose', 'help']],
      [
        parseStackOptions,
        [
          'brokers',
          'gateways',
          'port',
          'gateway-port',
          'tick-ms',
          'aggregators',
          'kafka',
          'restart',
          'verbose',
          'help',
        ],
      ],
    ] as const) {
      const { message, exitCode } = fault(() => parse(['--help']));
      expect(exitCode).toBe(0);
      for (const name of names) expect(message).toContain(`--${name} `);
    }
  });
});
