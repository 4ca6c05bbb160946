import type { BenchCase } from '../bench-case';
import { withLoad } from '../load-client';
import { SERVER_NAMES, type ServerName } from '../servers/server';

const STREAMS = 18_000;
const OFFERED_PER_S = 5_500;

export const accept: BenchCase = {
  name: 'accept-18k',
  about:
    'Opens 18,000 streams, 5,500 each second, and takes the time from connect(2) to the first bytes of the answer, ' +
    'which are the head and `:ok` in one write. At most 1,000 connects are in flight.',
  subjects: SERVER_NAMES,
  columns: [
    { name: 'connectsPerS', title: 'connects/s', digits: 0 },
    { name: 'firstByteP50Ms', title: 'first bytes p50 ms', digits: 1 },
    { name: 'firstByteP99Ms', title: 'p99 ms', digits: 1 },
    { name: 'firstByteMaxMs', title: 'max ms', digits: 1 },
    { name: 'refused', title: 'refused', digits: 0 },
  ],
  targets: [
    { subject: 'gateway', figure: 'connectsPerS', atLeast: 5_000 },
    { subject: 'gateway', figure: 'firstByteP99Ms', atMost: 250 },
    { subject: 'gateway', figure: 'refused', atMost: 0 },
  ],
  measure: (subject, context) =>
    context.withServer({ name: subject as ServerName }, (server) =>
      withLoad(
        server,
        { streams: context.scaled(STREAMS), connectPerS: OFFERED_PER_S },
        async ({ connected }) => {
          const { perS, failed, firstByteP50Ms, firstByteP99Ms, firstByteMaxMs } = await connected;
          return { connectsPerS: perS, refused: failed, firstByteP50Ms, firstByteP99Ms, firstByteMaxMs };
        },
      ),
    ),
};
