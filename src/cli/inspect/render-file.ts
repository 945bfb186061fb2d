import type { ImageFile } from '../../app/inspect/inspect-files.ts';
import type { EntryType } from '../../archive/entry.ts';
import { printable } from '../../lib/redact.ts';

const letters: Readonly<Record<EntryType, string>> = {
  file: '-',
  hardlink: 'h',
  symlink: 'l',
  char: 'c',
  block: 'b',
  directory: 'd',
  fifo: 'p',
};

/** A line as `tar -tv` prints it, with the layer's number before the name. */
export function renderFile(file: ImageFile): string {
  const { type, mode, uid, gid, size, mtime, layer, linkname, device } = file;
  const owner = `${uid}/${gid}`;
  const bytes = device ?? String(size);
  const width = Math.max(bytes.length, 19 - owner.length - 1);
  const name = `${file.path}${type === 'directory' && file.path !== '/' ? '/' : ''}`;
  const link = linkname === undefined ? '' : `${type === 'hardlink' ? ' link to ' : ' -> '}${linkname}`;
  return printable(
    `${letters[type]}${permissions(mode)} ${owner} ${bytes.padStart(width)} ${mtime} ${String(layer).padStart(3)} ${name}${link}`,
  );
}

/** `4755` → `rwsr-xr-x`. */
function permissions(octal: string): string {
  const mode = Number.parseInt(octal, 8);
  return [6, 3, 0]
    .map((shift, who) => {
      const bits = (mode >> shift) & 7;
      const special = (mode >> (11 - who)) & 1;
      const letter = who === 2 ? 't' : 's';
      const last = special ? (bits & 1 ? letter : letter.toUpperCase()) : bits & 1 ? 'x' : '-';
      return `${bits & 4 ? 'r' : '-'}${bits & 2 ? 'w' : '-'}${last}`;
    })
    .join('');
}
