/**
 * File names are bytes. Inside this room a path is a byte string: one character a byte (latin1), so that names that are not UTF-8
 * survive as map keys. These two functions are the only crossing.
 */
export function toByteString(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** For messages, patterns and ignore rules: what is not UTF-8 becomes U+FFFD. */
export function fromByteString(path: string): string {
  return Buffer.from(path, 'latin1').toString('utf8');
}

export function bytesOf(path: string): Buffer {
  return Buffer.from(path, 'latin1');
}
