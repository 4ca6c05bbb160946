import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { parseConfig } from '../../src/config';
import { createGateway } from '../../src/gateway';
import type { Logger } from '../../src/logger';
import { faultOfAnswer, strangeRequest } from './http-fuzz';
import { FUZZ_TARGETS } from './targets';

const USAGE = `Usage: npm run fuzz -- [options]

Feeds everything that strangers can reach with random bytes: cursors, stream requests, channels, batches, Kafka
records, and values of Avro, Protobuf and JSON by themselves, and a whole gateway over sockets. Ends with 0 when nothing broke; else it prints the smallest
input that does, with the seed to try it again.

  --inputs N     how many in all (1000000); one in twenty goes over a socket
  --seed N       as printed by a run that failed
  --help         this text
`;

const SOCKET_SHARE = 20;
/** Requests on their way at the same time. */
const IN_FLIGHT = 16;
const STEP = 50_000;

const print = (line: string) => void process.stdout.write(`${line}\n`);

/** In steps, so that one sees it go on. */
async function fuzzPure(
  name: string,
  property: fc.IProperty<[unknown]>,
  inputs: number,
  seed: number,
): Promise<void> {
  const startMs = performance.now();
  for (let done = 0; done < inputs; done += STEP) {
    fc.assert(property, { numRuns: Math.min(STEP, inputs - done), seed: seed + done });
    if (inputs > STEP) print(`  ${Math.min(inputs, done + STEP)} of ${inputs}`);
  }
  print(`${inputs} inputs in ${((performance.now() - startMs) / 1_000).toFixed(1)} s: ${name}`);
}

async function fuzzSockets(inputs: number, seed: number): Promise<void> {
  const errors: string[] = [];
  const keep = (fields: object, message: string) =>
    void errors.push(
      `${message} ${JSON.stringify(fields, (_, value) => (value instanceof Error ? value.stack : value))}`,
    );
  const ignore = () => undefined;
  const logger: Logger = { debug: ignore, info: ignore, warn: ignore, error: keep };
  const env = {
    EVENT_LOG: 'memory',
    HOST: '127.0.0.1',
    PORT: '0',
    TICK_MS: '0',
    DRAIN_MS: '0',
    SHUTDOWN_MS: '500',
  };
  const gateway = createGateway(parseConfig(env), logger);
  const port = await gateway.start();
  const startMs = performance.now();
  try {
    const requests = fc.sample(strangeRequest, { numRuns: inputs, seed });
    let next = 0;
    await Promise.all(
      Array.from({ length: IN_FLIGHT }, async () => {
        while (next < requests.length) {
          const request = requests[next++]!;
          const fault = await faultOfAnswer(port, request);
          if (fault !== null)
            throw new Error(`${fault}\nto the request ${JSON.stringify(request)}, seed ${seed}`);
          if (next % STEP === 0) print(`  ${next} of ${inputs}`);
        }
      }),
    );
    const alive = await fetch(`http://127.0.0.1:${port}/healthz`);
    if (alive.status !== 200) throw new Error(`the gateway answers ${alive.status} afterwards`);
    if (errors.length > 0) throw new Error(`the gateway logged an error, seed ${seed}: ${errors[0]}`);
  } finally {
    await gateway.stop();
  }
  print(`${inputs} inputs in ${((performance.now() - startMs) / 1_000).toFixed(1)} s: requests over sockets`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { inputs: { type: 'string' }, seed: { type: 'string' }, help: { type: 'boolean' } },
  });
  if (values.help === true) {
    print(USAGE);
    return;
  }
  const inputs = Number(values.inputs ?? 1_000_000);
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
  if (!(inputs >= 1) || !Number.isInteger(seed)) throw new Error('--inputs and --seed must be whole numbers');
  print(`seed ${seed}`);
  const overSockets = Math.ceil(inputs / SOCKET_SHARE);
  const each = Math.ceil((inputs - overSockets) / FUZZ_TARGETS.length);
  for (const { name, property } of FUZZ_TARGETS) await fuzzPure(name, property, each, seed);
  await fuzzSockets(overSockets, seed);
  print(`${each * FUZZ_TARGETS.length + overSockets} inputs, nothing broke`);
}

main().catch((error: unknown) => {
  process.stderr.write(`fuzz: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
