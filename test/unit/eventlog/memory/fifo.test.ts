import { Fifo } from '../../../../src/eventlog/memory/fifo';

it('gives what was put in, in order, and is indexed from its front', () => {
  const queue = new Fifo<number>();
  const reference: number[] = [];
  let next = 0;
  for (let step = 0; step < 2_000; step++) {
    for (let i = 0; i < step % 5; i++) {
      queue.push(next);
      reference.push(next++);
    }
    for (let i = 0; i < step % 4; i++) expect(queue.shift()).toBe(reference.shift());
    expect(queue.length).toBe(reference.length);
    expect(queue.at(0)).toBe(reference[0]);
    expect(queue.slice(1, 4)).toEqual(reference.slice(1, 4));
  }
});

it('is empty at its end', () => {
  const queue = new Fifo<string>();
  queue.push('a');
  expect(queue.shift()).toBe('a');
  expect(queue.shift()).toBeUndefined();
  expect(queue.at(0)).toBeUndefined();
  expect(queue.length).toBe(0);
});
