import { readFileSync } from 'node:fs';
import { z } from 'zod';

/**
 * The types of settings. Each parses the text of an environment variable; its fault is a sentence whose subject is the
 * variable's name. `preset` is the default.
 */

export type SettingsOf<T extends z.core.$ZodLooseShape> = z.output<z.ZodObject<T>>;

export function int(preset: number, min: number, max: number) {
  return wholeNumber(preset, min, max, '');
}

/** Node's timers take at most 2^31 − 1 ms. */
export function ms(preset: number, min: number) {
  return wholeNumber(preset, min, 2 ** 31 - 1, ' of milliseconds, without a unit,');
}

export function bytes(preset: number, min: number) {
  return wholeNumber(preset, min, 2 ** 40, ' of bytes, without a unit,');
}

/** The unit is in the variable's name: `15s` for a name that ends in `_MS` is rejected. */
function wholeNumber(preset: number, min: number, max: number, unit: string) {
  return z
    .string()
    .trim()
    .transform(numberOf)
    .refine((n) => n >= min && n <= max, `must be a whole number${unit} from ${min} to ${max}`)
    .default(preset);
}

/** `auto`, the default, or milliseconds. */
export function autoOrMs(min: number, max: number) {
  return z
    .string()
    .transform((text): 'auto' | number => {
      const word = text.trim().toLowerCase();
      return word === 'auto' ? word : numberOf(word);
    })
    .refine(
      (value) => value === 'auto' || (value >= min && value <= max),
      `must be auto or a whole number of milliseconds, without a unit, from ${min} to ${max}`,
    )
    .default('auto');
}

/** NaN when it is no whole number. */
function numberOf(word: string): number {
  return /^[+-]?\d{1,15}$/.test(word) ? Number(word) : Number.NaN;
}

export function text(preset: string) {
  return z.string().default(preset);
}

const ON = ['on', 'true', 'yes', '1'];
const OFF = ['off', 'false', 'no', '0'];

export function onOff(preset: boolean) {
  return z
    .string()
    .transform((word) => word.trim().toLowerCase())
    .refine(
      (word) => ON.includes(word) || OFF.includes(word),
      'must be on or off (or true, yes, 1, false, no, 0)',
    )
    .transform((word) => ON.includes(word))
    .default(preset);
}

/** One of these words, in any case, with `_` for `-`. @param aliases other names for some of them */
export function oneOf<const W extends string>(
  words: readonly W[],
  aliases: Readonly<Record<string, W>> = {},
) {
  return z.string().transform((text, context): W => {
    const word = text.trim().toLowerCase().replaceAll('_', '-');
    const found = words.find((candidate) => candidate === word) ?? aliases[word];
    if (found !== undefined) return found;
    context.addIssue({
      code: 'custom',
      message: `must be ${words.slice(0, -1).join(', ')} or ${words.at(-1)}`,
    });
    return z.NEVER;
  });
}

/**
 * Words separated by commas; none by default.
 * @param faultOf what is wrong with a word, as a sentence without a subject, or null
 * @param formOf normalises the spelling of a word before it is checked
 */
export function list(
  faultOf: (word: string) => string | null = () => null,
  formOf: (word: string) => string = (word) => word,
) {
  return z
    .string()
    .transform((text, context) => {
      const words = text
        .split(',')
        .map((word) => word.trim())
        .filter((word) => word !== '');
      const formed = words.map(formOf);
      for (const [i, word] of formed.entries()) {
        const fault = faultOf(word);
        if (fault !== null) context.addIssue({ code: 'custom', message: `entry "${words[i]}" ${fault}` });
      }
      return formed;
    })
    .default([]);
}

/** The content of the named file, read when the configuration is parsed. */
export function file() {
  return z
    .string()
    .transform((path, context) => {
      try {
        return readFileSync(path, 'utf8');
      } catch (error) {
        context.addIssue({ code: 'custom', message: `cannot be read: ${(error as Error).message}` });
        return z.NEVER;
      }
    })
    .optional();
}
