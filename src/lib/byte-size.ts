const units = ['', 'k', 'm', 'g', 't', 'p'];

/** `64m`, `1.5GiB`, `512`: bytes as Docker's flags have them, in steps of 1024 (go-units RAMInBytes). Undefined for anything else. */
export function parseByteSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)(?:i?b)?$/i.exec(text);
  if (match === null) return undefined;
  const bytes = Math.floor(Number(match[1]) * 1024 ** units.indexOf((match[2] ?? '').toLowerCase()));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
