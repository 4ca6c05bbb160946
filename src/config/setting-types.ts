import { readFileSync } from 'node:fs';
import { z } from 'zod';

/**
 * The types that a setting may have. Each parses the text of an environment variable; its fault is a sentence whose
 * subject is the variable's name. `preset` is the value when the variable is not set.
 */

/** The values of a table of settings, by variable. */
export type SettingsOf<T extends z.core.$ZodLooseShape> = z.output<z.ZodObject<T>>;

export function int(preset: number, min: number, max: number) {
  return z
    .string()
    .regex(/^-?\d{1,15}$/, 'must be a whole number')
    .transform(Number)
    .refine((n) => n >= min && n <= max, `must be from ${min} to ${max}`)
    .default(preset);
}

/** Node's timers hold 2^31 − 1 ms at the most. */
export function ms(preset: number, min: number) {
  return int(preset, min, 2 ** 31 - 1);
}

export function bytes(preset: number, min: number) {
  return int(preset, min, 2 ** 40);
}

export function text(preset: string) {
  return z.string().default(preset);
}

export function onOff(preset: boolean) {
  return z
    .enum(['on', 'off', 'true', 'false', '1', '0'], { error: 'must be on or off' })
    .transform((word) => word === 'on' || word === 'true' || word === '1')
    .default(preset);
}

/**
 * What stands between commas; nothing by default.
 * @param faultOf why a word cannot be taken, as a sentence without a subject, or null
 * @param formOf brings the usual spellings of a word into one form, before it is judged
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

/** The content of the file named, read when the configuration is parsed. */
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
