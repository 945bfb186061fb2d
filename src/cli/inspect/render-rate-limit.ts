import type { InspectedRateLimit } from '../../app/inspect/inspect-rate-limit.ts';
import { fields } from '../table.ts';

export function renderRateLimit(found: InspectedRateLimit): string {
  const { reference, limit, remaining, window, reset, source, exceeded } = found;
  const text = (value: number | undefined): string | undefined =>
    value === undefined ? undefined : String(value);
  const said = [limit, remaining, window, reset].some((value) => value !== undefined);
  return fields([
    ['Name', reference],
    ['Limit', said || exceeded ? text(limit) : 'the registry tells of none'],
    ['Remaining', exceeded ? `${remaining ?? 0} (the registry answers 429)` : text(remaining)],
    ['Window', window === undefined ? undefined : duration(window)],
    ['Resets in', reset === undefined ? undefined : duration(reset)],
    ['Counted for', source],
  ]);
}

/** `6 h`, `1 h 30 min`, `45 s`. */
function duration(seconds: number): string {
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const parts = [hours && `${hours} h`, minutes && `${minutes} min`, rest && `${rest} s`].filter(Boolean);
  return parts.join(' ') || '0 s';
}
