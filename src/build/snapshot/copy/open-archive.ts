import { spawn } from 'node:child_process';
import { Readable } from 'node:stream';
import { decompress } from '../../../archive/decompress.ts';
import { abortReason, failure, isFailure } from '../../../lib/errors.ts';
import { findProgram } from '../../../lib/find-program.ts';
import { type ArchiveKind, compressionOf, headBytes, isTarBlock } from './archive-kind.ts';

/** CRC-32 and length behind a gzip member (RFC 1952, 2.3.1). */
const gzipTrailerBytes = 8;

export interface OpenArchiveOptions {
  /** What messages call the archive. */
  readonly source: string;
  readonly signal?: AbortSignal | undefined;
}

/** The tar behind bytes that are an archive, told by the bytes alone; undefined when they are none. `bytes` is called up to three times. */
export async function openArchive(
  bytes: () => Iterable<Buffer>,
  options: OpenArchiveOptions,
): Promise<AsyncIterable<Buffer> | undefined> {
  const head = headOf(bytes());
  const kind = compressionOf(head);
  // As a stream: a few bytes may stand for gigabytes. Without gzip's check sum: with a wrong one all of a small archive would fail at once, and be taken for a file.
  const start = kind === 'gzip' ? withoutEnd(bytes(), gzipTrailerBytes) : bytes();
  const isTar =
    kind === 'tar' ? isTarBlock(head) : await startsWithTar(decompressArchive(start, kind, options));
  return isTar ? decompressArchive(bytes(), kind, options) : undefined;
}

/** A stream of a tar, however it is compressed; bytes that are no archive come as they are. */
export async function* decompressStream(
  stream: AsyncIterable<Buffer>,
  options: OpenArchiveOptions,
): AsyncGenerator<Buffer> {
  const input = stream[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  try {
    while (head.length < 8) {
      const { value, done } = await input.next();
      if (done) break;
      head = head.length === 0 ? value : Buffer.concat([head, value]);
    }
    const rest = { [Symbol.asyncIterator]: () => input };
    const all = (async function* () {
      if (head.length > 0) yield head;
      yield* rest;
    })();
    yield* decompressArchive(all, compressionOf(head), options);
  } finally {
    await input.return?.();
  }
}

function decompressArchive(
  bytes: Iterable<Buffer> | AsyncIterable<Buffer>,
  kind: ArchiveKind,
  options: OpenArchiveOptions,
): AsyncIterable<Buffer> {
  if (kind === 'bzip2' || kind === 'xz') return throughProgram(bytes, kind, options);
  return decompress(Readable.from(bytes, { objectMode: true }), options);
}

function headOf(bytes: Iterable<Buffer>): Buffer {
  const pieces: Buffer[] = [];
  let length = 0;
  for (const piece of bytes) {
    pieces.push(piece);
    length += piece.length;
    if (length >= headBytes) break;
  }
  return Buffer.concat(pieces).subarray(0, headBytes);
}

/** All but the last `count` bytes. */
function* withoutEnd(bytes: Iterable<Buffer>, count: number): Generator<Buffer> {
  let held: Buffer = Buffer.alloc(0);
  for (const piece of bytes) {
    const all = held.length === 0 ? piece : Buffer.concat([held, piece]);
    const end = Math.max(0, all.length - count);
    // Copied: whoever gives pieces may fill the same memory again.
    held = Buffer.from(all.subarray(end));
    if (end > 0) yield all.subarray(0, end);
  }
}

async function startsWithTar(tar: AsyncIterable<Buffer>): Promise<boolean> {
  let head: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of tar) {
      head = Buffer.concat([head, chunk]);
      if (head.length >= 512) break;
    }
  } catch (error) {
    // What no decoder takes is a file like any other.
    if (!isFailure(error, 'ARCHIVE', 'LIMIT')) throw error;
  }
  return isTarBlock(head);
}

/** Node has no decoder for these two: the system's own programs are used, as BuildKit uses xz. */
async function* throughProgram(
  bytes: Iterable<Buffer> | AsyncIterable<Buffer>,
  kind: 'bzip2' | 'xz',
  { source, signal }: OpenArchiveOptions,
): AsyncGenerator<Buffer> {
  const program = findProgram(kind);
  if (program === undefined) {
    const hint = `apt install ${kind === 'xz' ? 'xz-utils' : 'bzip2'}, or ADD --unpack=false`;
    throw failure('UNSUPPORTED', 'unpack', source, `a ${kind} archive needs the program ${kind}`, { hint });
  }
  const child = spawn(program, ['-d', '-c', '-q'], { stdio: ['pipe', 'pipe', 'pipe'], env: { LC_ALL: 'C' } });
  let problem = '';
  child.stderr.on('data', (chunk: Buffer) => {
    if (problem.length < 1000) problem += chunk.toString('utf8');
  });
  const ended = new Promise<number | null>((resolve) => {
    child.on('close', (code) => resolve(code));
    child.on('error', () => resolve(-1));
  });
  // A program that stops reading says why on its way out.
  child.stdin.on('error', () => {});
  const input = Readable.from(bytes, { objectMode: true });
  let failed: Error | undefined;
  input.on('error', (error) => {
    failed = error;
    child.stdin.destroy();
  });
  input.pipe(child.stdin);
  const stop = () => child.kill('SIGKILL');
  signal?.addEventListener('abort', stop);
  try {
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) yield chunk;
    const code = await ended;
    if (signal?.aborted) throw abortReason(signal);
    if (failed !== undefined) throw failed;
    if (code !== 0) {
      const said = problem.trim().split('\n')[0] ?? '';
      throw failure('ARCHIVE', 'unpack', source, `${kind} failed: ${said || `exit code ${code}`}`);
    }
  } finally {
    signal?.removeEventListener('abort', stop);
    input.destroy();
    stop();
    await ended;
  }
}
