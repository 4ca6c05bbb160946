import { createHiddenRecords } from '../../../src/web/hidden-records';

describe('hidden records', () => {
  it('are the skipped offsets, by partition', () => {
    const hidden = createHiddenRecords();
    const see = (partition: number, offset: string) => hidden.see({ topic: 't', partition, offset });
    see(0, '5');
    see(1, '100');
    see(0, '6');
    expect(hidden.count).toBe(0);
    see(0, '9');
    see(1, '102');
    expect(hidden.count).toBe(3);
    hidden.forgetPositions();
    see(0, '1000');
    expect(hidden.count).toBe(3);
  });

  it('are none where a partition starts over', () => {
    const hidden = createHiddenRecords();
    hidden.see({ topic: 't', partition: 0, offset: '9' });
    hidden.see({ topic: 't', partition: 0, offset: '0' });
    expect(hidden.count).toBe(0);
  });
});
