import { createUnheard } from '../../../src/web/unheard';

describe('records that passed unheard', () => {
  it('are the offsets left out, by partition', () => {
    const unheard = createUnheard();
    const see = (partition: number, offset: string) => unheard.see({ topic: 't', partition, offset });
    see(0, '5');
    see(1, '100');
    see(0, '6');
    expect(unheard.count).toBe(0);
    see(0, '9');
    see(1, '102');
    expect(unheard.count).toBe(3);
    unheard.forgetPlaces();
    see(0, '1000');
    expect(unheard.count).toBe(3);
  });

  it('are none where a partition begins anew', () => {
    const unheard = createUnheard();
    unheard.see({ topic: 't', partition: 0, offset: '9' });
    unheard.see({ topic: 't', partition: 0, offset: '0' });
    expect(unheard.count).toBe(0);
  });
});
