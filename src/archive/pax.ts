import { failure } from '../lib/errors.ts';

/** Records of a PAX header (POSIX.1-2001, pax, "Extended Header"): keywords as latin1, values as bytes. An empty value unsets. */
export type PaxRecords = Map<string, Buffer>;

export const xattrKeyword = 'SCHILY.xattr.';

/** `<length> <keyword>=<value>\n`, one after the other; the length counts itself. ARCHIVE when `block` is anything else. */
export function parsePax(block: Buffer, source: string): PaxRecords {
  const records: PaxRecords = new Map();
  const bad = (what: string) => failure('ARCHIVE', 'read archive', source, `PAX header ${what}`);
  let at = 0;
  while (at < block.length) {
    // Some writers pad the last record's block with NULs that they count into the size.
    if (block[at] === 0 && block.subarray(at).every((byte) => byte === 0)) break;
    const space = block.indexOf(0x20, at);
    const digits = space < 0 || space - at > 10 ? '' : block.toString('latin1', at, space);
    if (!/^[0-9]+$/.test(digits)) throw bad('has no record length');
    const end = at + Number(digits);
    if (end <= space + 2 || end > block.length || block[end - 1] !== 0x0a)
      throw bad('has a record of a wrong length');
    const equals = block.indexOf(0x3d, space + 1);
    if (equals < 0 || equals >= end - 1) throw bad('has a record without "="');
    const keyword = block.toString('latin1', space + 1, equals);
    if (keyword === '' || keyword.includes('\0')) throw bad('has a record without keyword');
    records.set(keyword, Buffer.from(block.subarray(equals + 1, end - 1)));
    at = end;
  }
  return records;
}
