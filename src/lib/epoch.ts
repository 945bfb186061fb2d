import { failure } from './errors.ts';

/** Seconds since 1970 that SOURCE_DATE_EPOCH asks for, or undefined (reproducible-builds.org/specs/source-date-epoch). */
export function parseSourceDateEpoch(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  if (!/^[0-9]{1,12}$/.test(text)) {
    throw failure('USAGE', 'use SOURCE_DATE_EPOCH', text, 'not a whole number of seconds');
  }
  return Number(text);
}

/** min(time, epoch), both in whole seconds. */
export function clampTime(seconds: number, epoch: number | undefined): number {
  const whole = Math.floor(seconds);
  return epoch === undefined ? whole : Math.min(whole, epoch);
}
