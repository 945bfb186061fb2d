const units: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** Largest duration that a number holds exactly: 104 days. */
const maxNanoseconds = Number.MAX_SAFE_INTEGER;

/** Go's time.ParseDuration, in nanoseconds: `1h30m`, `1.5s`; undefined when it is none. */
export function parseGoDuration(text: string): number | undefined {
  const signed = /^([+-]?)(.+)$/s.exec(text);
  const body = signed?.[2];
  if (body === undefined) return undefined;
  if (body === '0') return 0;
  let total = 0;
  let at = 0;
  const part = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y;
  while (at < body.length) {
    part.lastIndex = at;
    const match = part.exec(body);
    if (match === null) return undefined;
    total += Math.floor(Number(match[1]) * (units[match[2] ?? ''] ?? 0));
    at = part.lastIndex;
  }
  if (total > maxNanoseconds) return undefined;
  return signed?.[1] === '-' ? -total : total;
}

/** Go's Duration.String: `1m30s`, `1.5s`, `500ms`, `0s`. */
export function formatGoDuration(nanoseconds: number): string {
  if (nanoseconds === 0) return '0s';
  if (nanoseconds < 1e3) return `${nanoseconds}ns`;
  if (nanoseconds < 1e6) return `${decimal(nanoseconds, 1e3)}µs`;
  if (nanoseconds < 1e9) return `${decimal(nanoseconds, 1e6)}ms`;
  const minutes = Math.floor(nanoseconds / 60e9);
  const seconds = `${decimal(nanoseconds % 60e9, 1e9)}s`;
  if (minutes === 0) return seconds;
  const hours = Math.floor(minutes / 60);
  return `${hours === 0 ? '' : `${hours}h`}${minutes % 60}m${seconds}`;
}

/** Without floating point, so that every digit is right. */
function decimal(value: number, unit: number): string {
  const fraction = String(value % unit)
    .padStart(Math.log10(unit), '0')
    .replace(/0+$/, '');
  return `${Math.floor(value / unit)}${fraction === '' ? '' : `.${fraction}`}`;
}
