import { parseArgs } from 'node:util';

/** A wrong command line, or a request for help: `message` is printed. */
export class UsageError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.name = 'UsageError';
    this.exitCode = exitCode;
  }
}

export type Values = Record<string, string | boolean | undefined>;
type Declared = Record<string, { type: 'string'; default?: string } | { type: 'boolean'; default: boolean }>;

/** @throws UsageError for an unknown option, and with the help text for `--help` */
export function parseCommandLine(args: readonly string[], help: string, options: Declared): Values {
  let values: Values;
  try {
    values = parseArgs({
      args: [...args],
      options: { ...options, help: { type: 'boolean', default: false } },
      allowPositionals: false,
    }).values as Values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${help}`, 2);
  }
  if (values.help === true) throw new UsageError(help, 0);
  return values;
}

/** @throws UsageError when there is any fault */
export function refuseFaults(faults: readonly string[], help: string): void {
  if (faults.length > 0) throw new UsageError(`${faults.join('\n')}\n\n${help}`, 2);
}

/** The value as a number; a fault is added to `faults`. */
export function wholeNumber(
  name: string,
  value: Values[string],
  min: number,
  max: number,
  faults: string[],
): number {
  const number = /^\d{1,10}$/.test(String(value)) ? Number(value) : Number.NaN;
  if (!(number >= min && number <= max)) faults.push(`${name} must be from ${min} to ${max}, not ${value}`);
  return number;
}
