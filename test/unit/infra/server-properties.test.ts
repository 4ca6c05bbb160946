import { type BrokerNode, renderServerProperties } from '../../../infra/local/server-properties';

const node = (id: number): BrokerNode => ({
  id,
  port: 20_000 + id,
  controllerPort: 21_000 + id,
  clientPort: null,
  directory: `/data/broker-${id}`,
});

function properties(text: string): Record<string, string> {
  return Object.fromEntries(
    text
      .trimEnd()
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}

describe('server.properties', () => {
  it('of a single broker ask for one replica', () => {
    expect(properties(renderServerProperties(node(1), [node(1)]))).toMatchObject({
      'node.id': '1',
      'process.roles': 'broker,controller',
      listeners: 'PLAINTEXT://127.0.0.1:20001,CONTROLLER://127.0.0.1:21001',
      'advertised.listeners': 'PLAINTEXT://127.0.0.1:20001',
      'controller.quorum.voters': '1@127.0.0.1:21001',
      'log.dirs': '/data/broker-1/log',
      'default.replication.factor': '1',
      'min.insync.replicas': '1',
      'offsets.topic.replication.factor': '1',
      'auto.create.topics.enable': 'false',
    });
  });

  it('of three brokers know each other and survive the loss of one', () => {
    const nodes = [node(1), node(2), node(3)];
    const voters = '1@127.0.0.1:21001,2@127.0.0.1:21002,3@127.0.0.1:21003';
    for (const each of nodes) {
      expect(properties(renderServerProperties(each, nodes))).toMatchObject({
        'node.id': String(each.id),
        'advertised.listeners': `PLAINTEXT://127.0.0.1:${each.port}`,
        'controller.quorum.voters': voters,
        'default.replication.factor': '3',
        'min.insync.replicas': '2',
        'offsets.topic.replication.factor': '3',
        'transaction.state.log.replication.factor': '3',
        'transaction.state.log.min.isr': '2',
        'broker.session.timeout.ms': '6000',
      });
    }
  });

  it('have one more listener for clients, whose users only it knows', () => {
    const withClients = { ...node(1), clientPort: 22_001 };
    const client = { protocol: 'SASL_PLAINTEXT', host: '::1', users: { alice: 'a', bob: 'b' } } as const;
    expect(properties(renderServerProperties(withClients, [withClients], {}, client))).toMatchObject({
      listeners: 'PLAINTEXT://127.0.0.1:20001,CONTROLLER://127.0.0.1:21001,CLIENT://[::1]:22001',
      'advertised.listeners': 'PLAINTEXT://127.0.0.1:20001,CLIENT://[::1]:22001',
      'listener.security.protocol.map': expect.stringContaining('CLIENT:SASL_PLAINTEXT'),
      'listener.name.client.plain.sasl.jaas.config': expect.stringContaining('user_alice="a" user_bob="b"'),
    });
  });

  it('take further properties, which win and appear once', () => {
    const text = renderServerProperties(node(1), [node(1)], {
      'min.insync.replicas': '7',
      'log.retention.ms': '5',
    });
    expect(properties(text)).toMatchObject({ 'min.insync.replicas': '7', 'log.retention.ms': '5' });
    expect(text.match(/^min\.insync\.replicas=/gm)).toHaveLength(1);
  });

  it('escape the backslash, which begins an escape in this format', () => {
    const odd = { ...node(1), directory: 'C:\\data' };
    expect(renderServerProperties(odd, [odd])).toContain('log.dirs=C:\\\\data');
  });
});
