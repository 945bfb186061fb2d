/** What a `Range` header asks for of `size` bytes (RFC 9110, 14.2). `undefined`: the whole, as for what a server may ignore. */
export type ByteRange = { readonly start: number; readonly length: number } | 'unsatisfiable' | undefined;

export function parseByteRange(header: string | undefined, size: number): ByteRange {
  const parts = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '');
  if (!parts) return undefined;
  const [, first = '', last = ''] = parts;
  if (first === '') {
    if (last === '') return undefined;
    const length = Math.min(Number(last), size);
    return length === 0 ? 'unsatisfiable' : { start: size - length, length };
  }
  const start = Number(first);
  if (start >= size) return 'unsatisfiable';
  if (last === '') return { start, length: size - start };
  if (Number(last) < start) return undefined;
  return { start, length: Math.min(Number(last), size - 1) - start + 1 };
}
