import { parseConfig } from '../../src/config';
import { createEventLog } from '../../src/gateway';
import { startAggregator } from '../../src/roles/aggregator';
import { useBroker } from '../support/kafka';
import { createQuietLogger } from '../support/quiet-logger';
import { ACLS, topicAt } from '../support/topic';
import { until } from '../support/until';

jest.setTimeout(90_000);
const SUMMARY_MS = 30_000;

/** A member of the group that may not read one of its topics failed again and again, and read none of them. */
describe('an aggregator that may not read one of its topics', () => {
  const kafka = useBroker({ properties: ACLS });

  it('sums up the others, and that one as soon as it may', async () => {
    const [good, bad, summaries] = ['good', 'bad', 'events-summary-table'].map((name) =>
      topicAt(kafka.bootstrap, name),
    ) as [ReturnType<typeof topicAt>, ReturnType<typeof topicAt>, ReturnType<typeof topicAt>];
    for (const topic of [good, bad, summaries]) await topic.create();
    await bad.deny(['READ']);
    const config = parseConfig({
      KAFKA_BROKERS: kafka.bootstrap.join(),
      KAFKA_TOPICS: 'good,bad',
      KAFKA_METADATA_REFRESH_MS: '300',
      KAFKA_SESSION_TIMEOUT_MS: '6000',
      AGGREGATION_EVENTS: '2',
      AGGREGATION_MS: '1000',
    });
    const logger = createQuietLogger();
    const log = createEventLog(config, logger, ['good', 'bad', config.summaryTopic]);
    const aggregator = startAggregator({ log, topics: ['good', 'bad'], config, logger });
    const summed = async (topic: string) => {
      const [records] = await summaries.read();
      return records!.some(({ value }) => value.includes(`"${topic}.`));
    };
    const fill = (topic: ReturnType<typeof topicAt>) =>
      topic.produce(['1', '2'].map((value) => ({ value, partition: 0 })));
    try {
      await until(
        () => logger.lines.some(({ message }) => message === 'Partitions assigned'),
        'it has joined',
        SUMMARY_MS,
      );
      await fill(good);
      await until(() => summed('good'), 'the topic that it may read is summed up', SUMMARY_MS);
      await bad.deny([]);
      await until(
        async () => {
          await fill(bad);
          return summed('bad');
        },
        'the other one is, too',
        SUMMARY_MS,
      );
    } finally {
      await aggregator.stop();
      await log.close(1_000);
    }
  });
});
