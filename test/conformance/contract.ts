import { describeBroadcastBenchmark } from './broadcast-benchmark';
import { describeHtmlStandard } from './html-standard';
import { describeKafkaEvents } from './kafka-events';
import { describeNamespaces } from './namespaces';
import { describeRooms } from './rooms';
import type { Target } from './target';

/** What clients may rely on, sentence by sentence, as the gateway took it over from others or promises it itself. */
export function describeContract(target: Target): void {
  describeBroadcastBenchmark(target);
  describeRooms(target);
  describeNamespaces(target);
  describeKafkaEvents(target);
  describeHtmlStandard(target);
}
