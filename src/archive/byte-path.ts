import { isUtf8 } from 'node:buffer';

/**
 * A path or name inside a layer. Names on Linux are bytes, not text, so each char of this string stands for one byte (latin1 decoding):
 * equality, map keys, `<` and sort() are then byte order, and a name that is not UTF-8 survives.
 *
 * Normal form, which every room passes: relative to the layer's root, parts joined by one `/`, no `.`, `..` or empty part, no slash at
 * either end; the root is ''. Give it to fs only through `toFsPath` or `joinFsPath`, to people only through `displayPath`.
 */
export type BytePath = string;

/** `text` is a path as JavaScript has it (UTF-16, meaning UTF-8 on disk). */
export function bytePathOf(text: string): BytePath {
  return isAsciiText(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

/** `bytes` is a name from readdir, readlink or an archive. */
export function bytePathOfBytes(bytes: Uint8Array): BytePath {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

export function bytesOfPath(path: BytePath): Buffer {
  return Buffer.from(path, 'latin1');
}

/** What fs calls take: the same string when it is ASCII (the fast way), else the bytes. */
export function toFsPath(path: BytePath): string | Buffer {
  return isAsciiText(path) ? path : Buffer.from(path, 'latin1');
}

/** `root` is a directory as JavaScript has it; the result is for fs calls. */
export function joinFsPath(root: string, path: BytePath): string | Buffer {
  if (path === '') return root;
  if (isAsciiText(path)) return `${root}/${path}`;
  return Buffer.concat([Buffer.from(`${root}/`), Buffer.from(path, 'latin1')]);
}

/** For messages: UTF-8 where it is that, else the bytes as latin1 with control characters escaped. */
export function displayPath(path: BytePath): string {
  const bytes = Buffer.from(path, 'latin1');
  const text = isUtf8(bytes) ? bytes.toString('utf8') : path;
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f]/g,
    (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

/** For sort(): byte order. */
export function compareBytePaths(a: BytePath, b: BytePath): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The directory that holds `path`; '' for names in the root. */
export function parentOf(path: BytePath): BytePath {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}

export function baseNameOf(path: BytePath): BytePath {
  return path.slice(path.lastIndexOf('/') + 1);
}

export function joinBytePath(directory: BytePath, name: BytePath): BytePath {
  return directory === '' ? name : `${directory}/${name}`;
}

const ascii = /^[\x00-\x7f]*$/;

function isAsciiText(text: string): boolean {
  return ascii.test(text);
}
