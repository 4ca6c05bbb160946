import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { liveBrokers } from './broker-probe';
import { kafkaJava } from './java';
import { kafkaJars } from './kafka-jars';
import { clusterIdOf, formatStorage, type ScramUser } from './kafka-storage';
import { assertPortFree, freePorts } from './ports';
import {
  type BrokerNode,
  type ClientListener,
  hostAndPort,
  LOCALHOST,
  LOG4J2_PROPERTIES,
  renderServerProperties,
} from './server-properties';
import type { Exit, SupervisedChild } from './supervised-child';
import { untilUp } from './until-up';

export interface BrokerOptions {
  /** Brokers of the cluster, 1 (default) or 3; with 3: replication factor 3, min.insync.replicas 2. */
  readonly count?: 1 | 3;
  /** Port of the first broker, the others follow it; 0 (default): free ports. */
  readonly port?: number;
  /** Directory of the records, which survives `close()`. Default: a temporary directory that `close()` removes. */
  readonly dataDir?: string;
  /** Progress, a few lines for people; default: none. */
  readonly log?: (line: string) => void;
  /** Each line that the brokers print; default: none. */
  readonly onOutput?: (line: string) => void;
  /** More server.properties of each broker. */
  readonly properties?: Readonly<Record<string, string>>;
  /** One more listener of each broker, on a free port; default none. */
  readonly clientListener?: ClientListener;
  /** A broker ended unexpectedly. */
  readonly onCrash?: (index: number, exit: Exit) => void;
}

/** A running Apache Kafka. Brokers are numbered from 0; each index defaults to 0. */
export interface Broker {
  /** `host:port` of each broker. */
  readonly bootstrap: readonly string[];
  /** `host:port` of each broker's `clientListener`; empty without one. */
  readonly clients: readonly string[];
  /** Process id of a broker's Java. @throws Error when it does not run */
  pid(index?: number): number;
  /** SIGKILL; resolves when the process has ended. */
  kill(index?: number): Promise<void>;
  /** SIGTERM; resolves when the broker has handed over its partitions and ended. */
  stop(index?: number): Promise<void>;
  /** SIGSTOP: connections stay open, but are not answered from when this resolves on. */
  pause(index?: number): Promise<void>;
  resume(index?: number): void;
  /** Starts a broker that was killed or stopped, with its data on its port; resolves when it has rejoined. */
  start(index?: number): Promise<void>;
  /** Ends everything. May be called more than once. */
  close(): Promise<void>;
}

const START_DEADLINE_MS = 90_000;
const PROBE_TIMEOUT_MS = 2_000;
const PROBE_PAUSE_MS = 100;
/** A single node has no other to hand over to, and waits in vain. */
const STOP_DEADLINE_MS = 15_000;

const discard = (_line: string): void => undefined;

/**
 * Starts Apache Kafka in KRaft mode, downloading it at the first use, and waits until every broker has joined. The
 * brokers end when this process ends, however it ends.
 *
 * @throws Error when Java or Maven is missing, a port is taken or a broker does not start; nothing is left running
 */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const { count = 1, port = 0, log = discard, onOutput = discard, onCrash } = options;
  const { properties, clientListener } = options;
  const jars = await kafkaJars(log);
  const root = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'kafka-')));
  const temporary = options.dataDir === undefined;
  const children: (SupervisedChild | null)[] = Array.from({ length: count }, () => null);
  let closing: Promise<void> | null = null;

  const close = (): Promise<void> => {
    closing ??= (async () => {
      await Promise.all(
        children.map((child) => {
          child?.signal('SIGCONT');
          return child?.stop({ signal: temporary ? 'SIGKILL' : 'SIGTERM', deadlineMs: STOP_DEADLINE_MS });
        }),
      );
      if (temporary) await rm(root, { recursive: true, force: true });
    })();
    return closing;
  };

  try {
    const nodes = await planNodes(root, count, port, clientListener !== undefined);
    const clusterId = await clusterIdOf(root, count);
    const log4j2 = join(root, 'log4j2.properties');
    await writeFile(log4j2, LOG4J2_PROPERTIES);
    const jwksUrl = clientListener?.oauth?.jwksUrl ?? null;
    const java = kafkaJava({ jars, root, log4j2, removeOnOrphan: temporary ? root : null, jwksUrl });
    const scram = scramUsers(clientListener);

    const formatted = new Set<number>();
    const told = new WeakSet<SupervisedChild>();
    const launch = async (index: number): Promise<SupervisedChild> => {
      const node = nodes[index]!;
      const file = join(node.directory, 'server.properties');
      await mkdir(node.directory, { recursive: true });
      await writeFile(file, renderServerProperties(node, nodes, properties, clientListener));
      if (!formatted.has(index)) await formatStorage(java, clusterId, file, scram);
      formatted.add(index);
      if (closing !== null) throw new Error('the broker was closed while it started');
      const child = java(`kafka ${node.id}`, ['kafka.Kafka', file], onOutput);
      children[index] = child;
      void child.exited.then((exit) => {
        children[index] = null;
        if (closing === null && !told.has(child)) onCrash?.(index, exit);
      });
      return child;
    };

    const end = async (index: number, signal: NodeJS.Signals): Promise<void> => {
      const child = running(index);
      told.add(child);
      child.signal(signal);
      // A paused broker gets SIGTERM only when it continues.
      child.signal('SIGCONT');
      await child.stop({ signal, deadlineMs: STOP_DEADLINE_MS });
    };

    const running = (index: number): SupervisedChild => {
      const child = children[index];
      if (child === null || child === undefined) throw new Error(`broker ${index} does not run`);
      return child;
    };

    log(`starting ${count === 1 ? 'the broker' : `${count} brokers`}`);
    // Wait for all, so that none is still starting when one has failed.
    const launches = await Promise.allSettled(nodes.map((_, index) => launch(index)));
    const launched = launches.map((launch) => {
      if (launch.status === 'rejected') throw launch.reason;
      return launch.value;
    });
    const ids = nodes.map((node) => node.id);
    await Promise.all(nodes.map((node, index) => untilJoined(node, ids, launched[index]!)));

    return {
      bootstrap: nodes.map((node) => `${LOCALHOST}:${node.port}`),
      clients: nodes.flatMap(({ clientPort }) =>
        clientPort === null ? [] : [hostAndPort(clientListener?.host ?? LOCALHOST, clientPort)],
      ),
      pid: (index = 0) => running(index).pid,
      kill: (index = 0) => end(index, 'SIGKILL'),
      stop: (index = 0) => end(index, 'SIGTERM'),
      pause: (index = 0) => running(index).pause(),
      resume: (index = 0) => running(index).resume(),
      async start(index = 0) {
        const node = nodes[index];
        if (node === undefined) throw new Error(`unknown broker ${index}`);
        if (children[index] !== null) throw new Error(`broker ${index} is already running`);
        await untilJoined(node, [node.id], await launch(index));
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function scramUsers({ users = {}, mechanisms = [] }: ClientListener = {}): ScramUser[] {
  return mechanisms
    .filter((mechanism) => mechanism.startsWith('SCRAM'))
    .flatMap((mechanism) => Object.entries(users).map(([name, password]) => ({ mechanism, name, password })));
}

async function planNodes(
  root: string,
  count: number,
  port: number,
  hasClients: boolean,
): Promise<BrokerNode[]> {
  const free = await freePorts(port === 0 ? 3 * count : 2 * count);
  const nodes = Array.from({ length: count }, (_, index) => ({
    id: index + 1,
    controllerPort: free[index]!,
    clientPort: hasClients ? free[count + index]! : null,
    port: port === 0 ? free[2 * count + index]! : port + index,
    directory: join(root, `broker-${index + 1}`),
  }));
  for (const node of nodes) await assertPortFree(node.port, `Kafka broker ${node.id}`);
  return nodes;
}

/** Resolves when the broker counts all of these as alive. */
function untilJoined(node: BrokerNode, expected: readonly number[], child: SupervisedChild): Promise<void> {
  const fault = async (): Promise<string | null> => {
    try {
      const live = await liveBrokers(LOCALHOST, node.port, PROBE_TIMEOUT_MS);
      if (expected.every((id) => live.includes(id))) return null;
      return `of brokers ${expected.join(', ')} it sees ${live.join(', ') || 'none'}`;
    } catch (error) {
      return (error as Error).message;
    }
  };
  return untilUp(child, fault, { deadlineMs: START_DEADLINE_MS, pauseMs: PROBE_PAUSE_MS });
}
