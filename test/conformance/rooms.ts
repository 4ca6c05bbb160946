import { openStream } from '../support/sse-client';
import { freshChannel, publish, type Target } from './target';

/** What the room benchmark does (README-LOAD-TEST.md): one sender in each room of six. */
export function describeRooms(target: Target): void {
  describe('Rooms', () => {
    it('a message to a room MUST reach its six clients and nobody else', async () => {
      const rooms = [freshChannel('room'), freshChannel('room')];
      const clients = await Promise.all(
        rooms.map((room) =>
          Promise.all(Array.from({ length: 6 }, () => openStream(`${target.url()}/subscribe${room}`))),
        ),
      );
      for (const [i, room] of rooms.entries()) await publish(target, room, `room ${i}`);
      for (const [i, members] of clients.entries()) {
        for (const member of members) {
          await member.until(({ events }) => events.length > 0);
          expect(member.events.map(({ data }) => data)).toEqual([`room ${i}`]);
        }
      }
    });
  });
}
