/** The room benchmark's figures for its own server (README-LOAD-TEST.md), for comparison. */

/** Seconds to connect, by number of clients. */
export const CONNECT_SECONDS: ReadonlyMap<number, number> = new Map([
  [1_000, 1.512],
  [2_000, 2.249],
  [3_000, 17.598],
  [4_000, 25.09],
  [5_000, 46.373],
]);

export interface RoomFigures {
  readonly averageSeconds: number;
  readonly totalSeconds: number;
  readonly cpuPercent: number;
  readonly messages: number;
}

/** By clients and iterations, as `clients x iterations`. */
export const ROOMS: ReadonlyMap<string, RoomFigures> = new Map(
  [
    [1_000, 1, 0.02, 3.353, 6.6, 1_000],
    [1_000, 10, 0.02, 13.595, 9.33, 10_000],
    [1_000, 100, 0.01, 108.67, 5.41, 101_240],
    [2_000, 1, 0.03, 5.837, 4.27, 2_490],
    [2_000, 10, 0.03, 24.842, 3.67, 20_020],
    [2_000, 100, 0.09, 266.289, 3.54, 201_758],
    [3_000, 1, 0.08, 24.91, 6.54, 3_264],
    [3_000, 10, 0.11, 42.7, 3.32, 30_450],
    [3_000, 100, 0.35, 500.89, 3.28, 303_534],
    [4_000, 100, 0.76, 1_054.449, 3.17, 406_597],
  ].map(([clients, iterations, averageSeconds, totalSeconds, cpuPercent, messages]) => [
    `${clients} x ${iterations}`,
    { averageSeconds, totalSeconds, cpuPercent, messages } as RoomFigures,
  ]),
);
