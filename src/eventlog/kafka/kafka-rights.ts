import type { KafkaConfig } from '../../config';

export type TopicRight = 'Read' | 'Write' | 'Describe';

/** Says which right is missing, on which topic and for whom, and how to give it. */
export function missingRight(
  kafka: Pick<KafkaConfig, 'sasl' | 'ssl'>,
  right: TopicRight,
  topic: string,
): string {
  const principal = principalOf(kafka);
  if (principal === null) {
    return `the subject of the client certificate lacks the right ${right} on topic ${topic}`;
  }
  return (
    `${principal} lacks the right ${right} on topic ${topic}: ` +
    `kafka-acls --add --allow-principal ${principal} --operation ${right} --topic ${topic}`
  );
}

/** As brokers call it unless their configuration maps names; null for a client certificate, whose subject it is. */
function principalOf({ sasl, ssl }: Pick<KafkaConfig, 'sasl' | 'ssl'>): string | null {
  if (sasl !== null) return `User:${sasl.username}`;
  return ssl?.cert == null ? 'User:ANONYMOUS' : null;
}
