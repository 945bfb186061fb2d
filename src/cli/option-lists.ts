/** The value of an option that may be given several times. */
export function append(value: string, previous: readonly string[] = []): string[] {
  return [...previous, value];
}

/** The same where each may be several, comma separated. */
export function appendAll(value: string, previous: readonly string[] = []): string[] {
  return [...previous, ...value.split(',').filter(Boolean)];
}
