import { createPrivateKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { failure, isFailure, reasonOf } from '../../../lib/errors.ts';
import { WireReader } from './ssh-wire.ts';

/** A key in memory: it is never written, and no message has any of it. */
export interface PrivateKey {
  readonly key: KeyObject;
  readonly comment: string;
}

const magic = 'openssh-key-v1\0';
const curves: Readonly<Record<string, string>> = {
  nistp256: 'P-256',
  nistp384: 'P-384',
  nistp521: 'P-521',
};

/**
 * A file of ssh-keygen (OpenSSH's PROTOCOL.key), or PEM of PKCS #1, SEC 1 or PKCS #8. UNSUPPORTED for a key behind a passphrase or of
 * another kind than ed25519, ecdsa and rsa, CONTENT_INVALID for what is no private key.
 */
export function parsePrivateKey(text: string, path: string): PrivateKey {
  const refuse = (what: string) =>
    failure('UNSUPPORTED', 'use --ssh', path, what, {
      hint: `eval $(ssh-agent) && ssh-add ${path}, then --ssh default`,
    });
  if (/^Proc-Type: 4,ENCRYPTED/m.test(text) || text.includes('BEGIN ENCRYPTED PRIVATE KEY'))
    throw refuse('the key is locked with a passphrase');
  try {
    const armour = /-----BEGIN OPENSSH PRIVATE KEY-----([\sA-Za-z0-9+/=]+)-----END/.exec(text)?.[1];
    if (armour === undefined) return { key: createPrivateKey(text), comment: path };
    const reader = new WireReader(Buffer.from(armour, 'base64'));
    if (reader.rest.toString('latin1', 0, magic.length) !== magic)
      throw new RangeError('it has another format');
    const body = new WireReader(reader.rest.subarray(magic.length));
    const cipher = body.string().toString('latin1');
    if (cipher !== 'none') throw refuse('the key is locked with a passphrase');
    body.string();
    body.string();
    if (body.uint32() !== 1) throw new RangeError('it has not exactly one key');
    body.string();
    return readKey(new WireReader(body.string()), path, refuse);
  } catch (error) {
    if (isFailure(error)) throw error;
    // What a parser says of a key may have some of it.
    const what = error instanceof RangeError ? reasonOf(error) : 'it is neither OpenSSH’s format nor PEM';
    throw failure('CONTENT_INVALID', 'use --ssh', path, `it is no private key: ${what}`, {
      hint: 'name the file that ssh-keygen wrote without .pub, or an agent’s socket',
    });
  }
}

function readKey(reader: WireReader, path: string, refuse: (what: string) => Error): PrivateKey {
  const check = reader.uint32();
  if (reader.uint32() !== check) throw new RangeError('its check numbers differ');
  const type = reader.string().toString('latin1');
  const jwk = readFields(type, reader);
  if (jwk === undefined) throw refuse(`it is a ${/^[\w@.-]{1,64}$/.test(type) ? type : 'strange'} key`);
  const comment = reader.string().toString('utf8');
  return { key: createPrivateKey({ key: jwk, format: 'jwk' }), comment: comment || path };
}

function readFields(type: string, reader: WireReader): JsonWebKey | undefined {
  if (type === 'ssh-ed25519') {
    const x = reader.string();
    return { kty: 'OKP', crv: 'Ed25519', x: base64(x), d: base64(reader.string().subarray(0, 32)) };
  }
  if (type === 'ssh-rsa') {
    const [n, e, d] = [reader.string(), reader.string(), reader.string()];
    const [qi, p, q] = [reader.string(), reader.string(), reader.string()];
    const [dp, dq] = [remainder(d, p), remainder(d, q)];
    const numbers = { n, e, d, p, q, dp, dq, qi };
    return {
      kty: 'RSA',
      ...Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, base64(unsigned(value))])),
    };
  }
  const crv = /^ecdsa-sha2-(nistp\d+)$/.exec(type)?.[1];
  const name = crv === undefined ? undefined : curves[crv];
  if (name === undefined) return undefined;
  reader.string();
  const point = reader.string();
  const size = (point.length - 1) / 2;
  if (point[0] !== 4) throw new RangeError('its point is compressed');
  const d = unsigned(reader.string());
  return {
    kty: 'EC',
    crv: name,
    x: base64(point.subarray(1, 1 + size)),
    y: base64(point.subarray(1 + size)),
    d: base64(Buffer.concat([Buffer.alloc(Math.max(0, size - d.length)), d])),
  };
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64url');
}

function unsigned(bytes: Buffer): Buffer {
  return bytes[0] === 0 ? bytes.subarray(1) : bytes;
}

/** `d mod (prime - 1)`. */
function remainder(d: Buffer, prime: Buffer): Buffer {
  const number = (bytes: Buffer): bigint => BigInt(`0x${bytes.toString('hex') || '0'}`);
  const divisor = number(prime) - 1n;
  if (divisor <= 0n) throw new RangeError('its primes are none');
  const hex = (number(d) % divisor).toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
}
