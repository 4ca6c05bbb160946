import { Kafka, logLevel, Partitioners } from 'kafkajs';
import type { Inlet } from './publisher';

const TOPIC = 'events-topic';
const ALL_IN_SYNC = -1;

/** A foreign producer: kafkajs, acks −1, no headers, one partition. */
export async function createKafkaProducer(brokers: readonly string[]): Promise<Inlet> {
  const kafka = new Kafka({ clientId: 'bench', brokers: [...brokers], logLevel: logLevel.ERROR });
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  return {
    async send(data) {
      await producer.send({
        topic: TOPIC,
        acks: ALL_IN_SYNC,
        messages: data.map((value) => ({ value, partition: 0 })),
      });
    },
    close: () => producer.disconnect(),
  };
}
