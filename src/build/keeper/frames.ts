import { PolyarchError } from '../../lib/errors.ts';

/**
 * Frames on one byte stream: 4 bytes length of what follows (big endian), 1 byte kind, then the payload. JSON payloads are messages;
 * chunk payloads start with the request's id (4 bytes, big endian) and go on with bytes of a program's output.
 */
export type Frame =
  | { readonly kind: 'json'; readonly value: unknown }
  | { readonly kind: 'stdout' | 'stderr'; readonly id: number; readonly bytes: Buffer };

/** Largest payload. A request holds paths and an environment, never content. */
export const maxFrameBytes = 32 * 1024 * 1024;

const headerBytes = 5;
const idBytes = 4;
const kinds = ['json', 'stdout', 'stderr'] as const;

export function encodeJson(value: unknown): Buffer {
  return encode(0, Buffer.from(JSON.stringify(value)));
}

export function encodeChunk(stream: 'stdout' | 'stderr', id: number, bytes: Uint8Array): Buffer {
  const payload = Buffer.allocUnsafe(idBytes + bytes.length);
  payload.writeUInt32BE(id, 0);
  payload.set(bytes, idBytes);
  return encode(kinds.indexOf(stream), payload);
}

function encode(kind: number, payload: Buffer): Buffer {
  if (payload.length > maxFrameBytes) throw malformed(`a message of ${payload.length} bytes`);
  const frame = Buffer.allocUnsafe(headerBytes + payload.length);
  frame.writeUInt32BE(payload.length + 1, 0);
  frame.writeUInt8(kind, idBytes);
  frame.set(payload, headerBytes);
  return frame;
}

/** Cuts a byte stream into frames, however it arrives. KEEPER when it is no such stream. */
export class FrameReader {
  #parts: Buffer[] = [];
  #length = 0;

  /** The frames that `bytes` completes. */
  push(bytes: Buffer): Frame[] {
    this.#parts.push(bytes);
    this.#length += bytes.length;
    const frames: Frame[] = [];
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) frames.push(frame);
    return frames;
  }

  #next(): Frame | undefined {
    if (this.#length < headerBytes) return undefined;
    const size = this.#peek(headerBytes).readUInt32BE(0) - 1;
    if (size < 0 || size > maxFrameBytes) throw malformed(`a frame of ${size} bytes`);
    if (this.#length < headerBytes + size) return undefined;
    const whole = this.#peek(headerBytes + size);
    this.#parts = [whole.subarray(headerBytes + size), ...this.#parts.slice(1)];
    this.#length -= headerBytes + size;
    return decode(whole.readUInt8(idBytes), whole.subarray(headerBytes, headerBytes + size));
  }

  /** The first part, grown to `count` bytes at least: a frame in many pieces is joined once. */
  #peek(count: number): Buffer {
    const first = this.#parts[0] ?? Buffer.alloc(0);
    if (first.length >= count) return first;
    const joined = Buffer.concat(this.#parts);
    this.#parts = [joined];
    return joined;
  }
}

function decode(kind: number, payload: Buffer): Frame {
  const name = kinds[kind];
  if (name === undefined) throw malformed(`a frame of kind ${kind}`);
  if (name !== 'json') {
    if (payload.length < idBytes) throw malformed('a chunk without an id');
    return { kind: name, id: payload.readUInt32BE(0), bytes: payload.subarray(idBytes) };
  }
  try {
    return { kind: 'json', value: JSON.parse(payload.toString('utf8')) };
  } catch {
    throw malformed('a message that is no JSON');
  }
}

function malformed(what: string): PolyarchError {
  return new PolyarchError('KEEPER', `Cannot read "keeper": ${what}`);
}
