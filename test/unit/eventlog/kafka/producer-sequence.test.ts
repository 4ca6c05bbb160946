import { ProducerSequence } from '../../../../src/eventlog/kafka/producer-sequence';

it('begins at 0 with each producer id and each epoch', () => {
  const sequence = new ProducerSequence();
  sequence.next(1n);
  sequence.stored(5);
  expect(sequence.next(1n)).toEqual({ producerId: 1n, producerEpoch: 0, baseSequence: 5 });
  expect(sequence.bump()).toBe(true);
  expect(sequence.next(1n)).toEqual({ producerId: 1n, producerEpoch: 1, baseSequence: 0 });
  sequence.stored(3);
  expect(sequence.next(2n)).toEqual({ producerId: 2n, producerEpoch: 0, baseSequence: 0 });
});

it('goes on at 0 after the greatest number of 31 bits', () => {
  const sequence = new ProducerSequence();
  sequence.next(1n);
  sequence.stored(2 ** 31 - 2);
  expect(sequence.next(1n).baseSequence).toBe(2_147_483_646);
  // Numbers …646, …647, 0.
  sequence.stored(3);
  expect(sequence.next(1n).baseSequence).toBe(1);
});

it('asks for another producer id when the epochs of 15 bits are used up', () => {
  const sequence = new ProducerSequence();
  sequence.next(1n);
  for (let epoch = 1; epoch <= 32_767; epoch++) expect(sequence.bump()).toBe(true);
  expect(sequence.next(1n).producerEpoch).toBe(32_767);
  expect(sequence.bump()).toBe(false);
  expect(sequence.next(2n)).toEqual({ producerId: 2n, producerEpoch: 0, baseSequence: 0 });
});
