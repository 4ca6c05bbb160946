import { repositoryRoot } from '../../infra/local/repository';
import type { BenchCase, BenchContext, Figures } from '../bench-case';
import { runMeasuringProcess } from '../measuring-process';

/** A log to measure ids with. */
interface Shape {
  readonly name: string;
  readonly title: string;
  readonly topics: number;
  readonly partitions: number;
  readonly offsets: 'near' | 'spread';
  /** The stream gets the records of one key. */
  readonly isKeyed?: true;
}

const ONE: Shape = { name: 'one', title: '1', topics: 1, partitions: 1, offsets: 'near' };
const SHAPES: readonly Shape[] = [
  ONE,
  { name: 'near', title: '100', topics: 1, partitions: 100, offsets: 'near' },
  { name: 'spread', title: '100 spread', topics: 1, partitions: 100, offsets: 'spread' },
  { name: 'thousand', title: '1,000', topics: 1, partitions: 1_000, offsets: 'near' },
  { name: 'topics', title: '20 × 12', topics: 20, partitions: 12, offsets: 'near' },
  { name: 'keyed', title: '100, one key', topics: 1, partitions: 100, offsets: 'spread', isKeyed: true },
];

export const ids: BenchCase = {
  name: 'ids',
  about:
    'Length of the ids of a stream under one topic, with 1, 100 and 1,000 partitions whose offsets lie within 8,000 of 1.2e9 ' +
    'or spread from 0.1e9 to 2.3e9, and with 20 topics of 12 partitions, and of a stream on the channel of one key; what a record costs more than with one partition, ' +
    'where only its own one moved, from its delivery by the log to its write to one stream; and its bytes in the ring.',
  subjects: ['gateway', 'baseline'],
  columns: [
    { name: 'oneUs', title: '1 partition: CPU µs a record', digits: 1 },
    ...SHAPES.flatMap(({ name, title }) => [
      { name: `${name}Chars`, title: `${title}: characters`, digits: 0 },
      { name: `${name}MoreUs`, title: `${title}: µs more`, digits: 1 },
      { name: `${name}RingBytes`, title: `${title}: ring bytes`, digits: 0 },
    ]),
  ],
  targets: [
    { subject: 'gateway', figure: 'topicsChars', atMost: 64 },
    { subject: 'gateway', figure: 'keyedChars', atMost: 32 },
    { subject: 'gateway', figure: 'nearMoreUs', atMost: 2 },
    { subject: 'gateway', figure: 'thousandMoreUs', atMost: 2 },
  ],
  measure: (subject, context) => measureIds(context, subject),
};

async function measureIds({ node, baseline, print }: BenchContext, subject: string): Promise<Figures> {
  const found: Record<string, number> = {};
  for (const { name, title, topics, partitions, offsets, isKeyed } of SHAPES) {
    const checkout = subject === 'baseline' ? baseline! : repositoryRoot();
    const measuring = runMeasuringProcess({
      name: 'ids-process',
      node,
      args: [checkout, topics, partitions, offsets, isKeyed ? 'keyed' : 'all'],
    });
    // An older checkout may not have channels of keys: the column stays empty.
    const figures = await (subject === 'baseline' && isKeyed
      ? measuring.catch((error: Error) => print(`  ${subject} without "${title}": ${error.message}`))
      : measuring);
    if (figures === undefined) continue;
    const { recordUs, idChars, ringBytesEach } = figures;
    if (name === ONE.name) found.oneUs = recordUs!;
    else found[`${name}MoreUs`] = recordUs! - found.oneUs!;
    found[`${name}Chars`] = idChars!;
    found[`${name}RingBytes`] = ringBytesEach!;
  }
  return found;
}
