import { join } from 'node:path';

export interface BrokerNode {
  /** From 1. */
  readonly id: number;
  readonly port: number;
  readonly controllerPort: number;
  /** Port of its client listener; null without one. */
  readonly clientPort: number | null;
  /** Directory of this node alone. */
  readonly directory: string;
}

export const LOCALHOST = '127.0.0.1';

/** log4j2 configuration: warnings and errors on standard output; Kafka without one prints everything at INFO. */
export const LOG4J2_PROPERTIES = `appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%p %c{1}: %m%n
rootLogger.level=warn
rootLogger.appenderRef.console.ref=console
`;

export type SaslMechanism = 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | 'OAUTHBEARER';

/** A second listener of each broker, for the tests; brokers, probes and tools use the first one. */
export interface ClientListener {
  /** Default `PLAINTEXT`. */
  readonly protocol?: 'PLAINTEXT' | 'SASL_PLAINTEXT' | 'SSL' | 'SASL_SSL';
  /** Address to listen on and to advertise in Metadata, IPv6 without brackets; default 127.0.0.1. */
  readonly host?: string;
  /** Port to advertise in Metadata, that of a proxy; default its own. One broker only. */
  readonly advertisedPort?: number;
  /** Passwords by user, for PLAIN and SCRAM. */
  readonly users?: Readonly<Record<string, string>>;
  /** Default PLAIN. */
  readonly mechanisms?: readonly SaslMechanism[];
  /** PEM files: certificate chain with key, and the authorities of client certificates, which are then required. */
  readonly tls?: { readonly keystore: string; readonly truststore?: string };
  /** For OAUTHBEARER: the tokens that the broker accepts. */
  readonly oauth?: { readonly jwksUrl: string; readonly issuer: string; readonly audience: string };
}

/** An address of Kafka's, with brackets around IPv6. */
export function hostAndPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * `server.properties` of one node of a KRaft cluster in which every node is broker and controller. `extra` is added
 * last and wins.
 */
export function renderServerProperties(
  node: BrokerNode,
  nodes: readonly BrokerNode[],
  extra: Readonly<Record<string, string>> = {},
  client: ClientListener = {},
): string {
  const replicas = nodes.length;
  const inSync = replicas >= 3 ? 2 : 1;
  const { protocol = 'PLAINTEXT', host = LOCALHOST } = client;
  const { clientPort } = node;
  const { advertisedPort = clientPort } = client;
  const at = (port: number | null) => (port === null ? [] : [`CLIENT://${hostAndPort(host, port)}`]);
  const properties: Record<string, string | number | boolean> = {
    'process.roles': 'broker,controller',
    'node.id': node.id,
    'controller.quorum.voters': nodes
      .map(({ id, controllerPort }) => `${id}@${LOCALHOST}:${controllerPort}`)
      .join(','),
    listeners: [
      `PLAINTEXT://${LOCALHOST}:${node.port}`,
      `CONTROLLER://${LOCALHOST}:${node.controllerPort}`,
      ...at(clientPort),
    ].join(','),
    'advertised.listeners': [
      `PLAINTEXT://${LOCALHOST}:${node.port}`,
      ...at(clientPort === null ? null : advertisedPort),
    ].join(','),
    'listener.security.protocol.map': `PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,CLIENT:${protocol}`,
    ...tlsProperties(client),
    ...(protocol.startsWith('SASL') ? saslProperties(client) : {}),
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': join(node.directory, 'log'),

    'default.replication.factor': replicas,
    'min.insync.replicas': inSync,
    'offsets.topic.num.partitions': 1,
    'offsets.topic.replication.factor': replicas,
    'transaction.state.log.num.partitions': 1,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': inSync,
    'share.coordinator.state.topic.num.partitions': 1,
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': inSync,

    // A misspelt topic must be an error, not a new topic.
    'auto.create.topics.enable': false,
    // No pause for more members before the first rebalance of a group.
    'group.initial.rebalance.delay.ms': 0,
    // After this long a killed broker loses its partitions.
    'broker.session.timeout.ms': 6_000,
    'num.network.threads': 2,
    'num.io.threads': 2,
    // Small segments and frequent checks, so that tests can wait for retention.
    'log.segment.bytes': 16 * 1024 * 1024,
    'log.retention.check.interval.ms': 1_000,
    ...extra,
  };
  return Object.entries(properties)
    .map(([key, value]) => `${key}=${String(value).replaceAll('\\', '\\\\')}\n`)
    .join('');
}

const LISTENER = 'listener.name.client';

function tlsProperties({ tls }: ClientListener): Record<string, string> {
  if (tls === undefined) return {};
  return {
    [`${LISTENER}.ssl.keystore.type`]: 'PEM',
    [`${LISTENER}.ssl.keystore.location`]: tls.keystore,
    ...(tls.truststore === undefined
      ? {}
      : {
          [`${LISTENER}.ssl.truststore.type`]: 'PEM',
          [`${LISTENER}.ssl.truststore.location`]: tls.truststore,
          [`${LISTENER}.ssl.client.auth`]: 'required',
        }),
  };
}

const LOGIN_MODULES: Readonly<Record<SaslMechanism, string>> = {
  PLAIN: 'plain.PlainLoginModule',
  'SCRAM-SHA-256': 'scram.ScramLoginModule',
  'SCRAM-SHA-512': 'scram.ScramLoginModule',
  OAUTHBEARER: 'oauthbearer.OAuthBearerLoginModule',
};

function saslProperties({
  users = {},
  mechanisms = ['PLAIN'],
  oauth,
}: ClientListener): Record<string, string> {
  const properties: Record<string, string> = {
    [`${LISTENER}.sasl.enabled.mechanisms`]: mechanisms.join(','),
  };
  for (const mechanism of mechanisms) {
    // PLAIN alone reads its users from here; those of SCRAM are in the metadata of the cluster.
    const known =
      mechanism === 'PLAIN'
        ? Object.entries(users).map(([name, password]) => ` user_${name}="${password}"`)
        : [];
    properties[`${LISTENER}.${mechanism.toLowerCase()}.sasl.jaas.config`] =
      `org.apache.kafka.common.security.${LOGIN_MODULES[mechanism]} required${known.join('')};`;
  }
  if (oauth === undefined) return properties;
  const bearer = `${LISTENER}.oauthbearer`;
  return {
    ...properties,
    [`${bearer}.sasl.server.callback.handler.class`]:
      'org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler',
    [`${bearer}.sasl.oauthbearer.jwks.endpoint.url`]: oauth.jwksUrl,
    [`${bearer}.sasl.oauthbearer.expected.issuer`]: oauth.issuer,
    [`${bearer}.sasl.oauthbearer.expected.audience`]: oauth.audience,
  };
}
