import { goFault } from './go';
import { missingJavac } from './java';
import { missingForKafka, missingMaven } from './kafka-jars';
import { missingPython } from './python';

/** Why the libraries of test/clients cannot be run on this machine, with what to install; null when they can. */
export function missingForClients(): string | null {
  const kafka = missingForKafka();
  if (kafka !== null) return kafka;
  const go = goFault();
  if (go !== null) return `the Go clients are built with ${go}. Install it from https://go.dev/dl/`;
  return missingJavac() ?? missingMaven() ?? missingPython();
}
