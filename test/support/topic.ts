import { randomUUID } from 'node:crypto';
import {
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  type Admin,
  Kafka,
  KafkaJSError,
  logLevel,
  Partitioners,
  ResourcePatternTypes,
} from 'kafkajs';
import { until } from './until';

export interface TopicRecord {
  readonly offset: string;
  readonly value: string;
}

export interface RecordToProduce {
  readonly value: string;
  readonly partition: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A topic seen around the gateways, with kafkajs's public clients: the second opinion on what is in it. */
export interface Topic {
  /** Creates it, with one partition and the broker's configuration unless said otherwise. */
  create(options?: {
    partitions?: number;
    config?: Readonly<Record<string, string>>;
    /** Instead of `partitions`: the brokers of each partition, by their node ids, from 1. */
    replicas?: readonly (readonly number[])[];
  }): Promise<void>;
  /** All that is in it, by partition. */
  read(): Promise<TopicRecord[][]>;
  /** Appends in order, without any of the gateway's headers; one call of little is one request. */
  produce(records: readonly RecordToProduce[]): Promise<void>;
  /** Offsets of the first record and after the last one, by partition. */
  bounds(): Promise<{ low: bigint; high: bigint }[]>;
  /** Removes all records before these offsets, by partition, as retention does. */
  trim(offsets: readonly bigint[]): Promise<void>;
  /** Resolves when the new partitions have leaders. */
  grow(partitions: number): Promise<void>;
  /** Deletes it and creates it anew, with this many partitions. */
  recreate(partitions: number): Promise<void>;
  /** Resolves when it is gone. */
  remove(): Promise<void>;
  /** Takes these rights from everybody, all others stay; none gives all back. For a broker with `ACLS`. */
  deny(rights: readonly ('READ' | 'WRITE' | 'DESCRIBE')[]): Promise<void>;
}

/** Properties of a broker that judges rights; nobody has to say who they are. */
export const ACLS = {
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'allow.everyone.if.no.acl.found': 'true',
} as const;

/** Under the broker's default limit of 1 MiB for the records of a partition in one request. */
const REQUEST_CHARS = 512 * 1024;
const REQUEST_RECORDS = 1_000;
/** kafkajs has other retries under jest than elsewhere unless they are given. */
const RETRY = { initialRetryTime: 100, retries: 8 };

export function topicAt(brokers: readonly string[], topic: string): Topic {
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING, retry: RETRY });

  async function withAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = kafka.admin();
    await admin.connect();
    try {
      return await work(admin);
    } finally {
      await admin.disconnect();
    }
  }

  /** Partitions whose leaders answer. */
  async function leaders(admin: Admin): Promise<number> {
    try {
      return (await admin.fetchTopicOffsets(topic)).length;
    } catch (error) {
      if (error instanceof KafkaJSError) return 0;
      throw error;
    }
  }

  async function remove(admin: Admin): Promise<void> {
    await admin.deleteTopics({ topics: [topic] });
    await until(async () => !(await admin.listTopics()).includes(topic), 'the topic is gone');
  }

  const bounds = () =>
    withAdmin(async (admin) => {
      const found = await admin.fetchTopicOffsets(topic);
      const byPartition: { low: bigint; high: bigint }[] = [];
      for (const { partition, low, high } of found) {
        byPartition[partition] = { low: BigInt(low), high: BigInt(high) };
      }
      return byPartition;
    });

  return {
    bounds,

    create: ({ partitions = 1, config = {}, replicas } = {}) =>
      withAdmin(async (admin) => {
        const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
        const replicaAssignment = replicas?.map((brokers, partition) => ({
          partition,
          replicas: [...brokers],
        }));
        await admin.createTopics({
          topics: [
            replicaAssignment === undefined
              ? { topic, numPartitions: partitions, configEntries }
              : { topic, numPartitions: -1, replicationFactor: -1, replicaAssignment, configEntries },
          ],
          waitForLeaders: true,
        });
      }),

    async read() {
      const ends = await bounds();
      const records: TopicRecord[][] = ends.map(() => []);
      const left = new Set(ends.keys());
      for (const [partition, { low, high }] of ends.entries()) if (low === high) left.delete(partition);
      if (left.size === 0) return records;
      const consumer = kafka.consumer({ groupId: `test-${randomUUID()}` });
      try {
        await consumer.connect();
        await consumer.subscribe({ topic, fromBeginning: true });
        await new Promise<void>((resolve, reject) => {
          consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
            // A broker that has just started is not ready for groups yet; kafkajs tries again.
            if (!restart) reject(error);
          });
          consumer
            .run({
              autoCommit: false,
              eachBatch: async ({ batch: { partition, messages } }) => {
                for (const { offset, value } of messages) {
                  if (BigInt(offset) < ends[partition]!.high)
                    records[partition]!.push({ offset, value: String(value) });
                }
                const last = messages.at(-1);
                if (last !== undefined && BigInt(last.offset) >= ends[partition]!.high - 1n)
                  left.delete(partition);
                if (left.size === 0) resolve();
              },
            })
            .catch(reject);
        });
      } finally {
        await consumer.disconnect();
      }
      return records;
    },

    async produce(records) {
      const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
      await producer.connect();
      try {
        let messages: RecordToProduce[] = [];
        let chars = 0;
        for (const record of records) {
          if (messages.length === REQUEST_RECORDS || chars + record.value.length > REQUEST_CHARS) {
            await producer.send({ topic, messages });
            messages = [];
            chars = 0;
          }
          messages.push({ ...record });
          chars += record.value.length;
        }
        if (messages.length > 0) await producer.send({ topic, messages });
      } finally {
        await producer.disconnect();
      }
    },

    trim: (offsets) =>
      withAdmin(async (admin) => {
        // kafkajs finds the leader in metadata that only some other call loads.
        await admin.fetchTopicOffsets(topic);
        const partitions = offsets.map((offset, partition) => ({ partition, offset: String(offset) }));
        await admin.deleteTopicRecords({ topic, partitions });
      }),

    grow: (count) =>
      withAdmin(async (admin) => {
        await admin.createPartitions({ topicPartitions: [{ topic, count }] });
        // Else kafkajs's producer would find a partition without a leader and send the others' records again.
        await until(async () => (await leaders(admin)) === count, 'the new partitions have leaders');
      }),

    remove: () => withAdmin(remove),

    deny: (rights) =>
      withAdmin(async (admin) => {
        const resource = {
          resourceType: AclResourceTypes.TOPIC,
          resourceName: topic,
          resourcePatternType: ResourcePatternTypes.LITERAL,
        };
        const anyone = { ...resource, principal: 'User:*', host: '*' };
        await admin.deleteAcls({
          filters: [
            { ...resource, operation: AclOperationTypes.ANY, permissionType: AclPermissionTypes.ANY },
          ],
        });
        if (rights.length === 0) return;
        // A topic with any rule at all is closed to whom no rule lets in.
        await admin.createAcls({
          acl: [
            { ...anyone, operation: AclOperationTypes.ALL, permissionType: AclPermissionTypes.ALLOW },
            ...rights.map((right) => ({
              ...anyone,
              operation: AclOperationTypes[right],
              permissionType: AclPermissionTypes.DENY,
            })),
          ],
        });
      }),

    recreate: (count) =>
      withAdmin(async (admin) => {
        await remove(admin);
        await admin.createTopics({ topics: [{ topic, numPartitions: count }], waitForLeaders: true });
      }),
  };
}
