import { nearestName } from '../nearest-name';

/** Shorter ones are near to too many variables of others: `POST` is not `PORT`. */
const MIN_LENGTH = 6;

/** Variables that are no setting but look like one: a letter or two off, or with `GATEWAY_` before a setting. */
export function* misspellings(
  env: Readonly<Record<string, string | undefined>>,
  known: readonly string[],
): Iterable<string> {
  const long = known.filter(({ length }) => length >= MIN_LENGTH);
  for (const [name, value] of Object.entries(env)) {
    // Kubernetes sets variables such as GATEWAY_PORT=tcp://… for each service of its namespace.
    if (known.includes(name) || value?.startsWith('tcp://')) continue;
    const meant = known.find((setting) => name === `GATEWAY_${setting}`) ?? nearestName(name, long);
    if (meant !== null) yield `${name} is not a setting; did you mean ${meant}?`;
  }
}
