import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type ParsedGitReference, parseGitReference } from '../../build/dockerfile/git-reference.ts';
import { ignoreFilesFor } from '../../build/dockerfile/ignore.ts';
import type { ContextFiles } from '../../build/engines/engine.ts';
import { RootedTree } from '../../build/snapshot/copy/rooted-tree.ts';
import { inlineTree } from '../../build/snapshot/copy/single-file-tree.ts';
import type { SourceTree } from '../../build/snapshot/copy/source-tree.ts';
import { failure } from '../../lib/errors.ts';
import { readFileWithin } from '../../lib/read-file-within.ts';
import { redactUrl } from '../../lib/redact.ts';
import type { Sources } from '../open-sources.ts';

/** Largest Dockerfile and ignore file that are read. */
const maxTextBytes = 4 * 1024 * 1024;
const signalOf = (signal: AbortSignal | undefined) => signal ?? new AbortController().signal;

export interface OpenedBuildContext {
  readonly context: ContextFiles;
  readonly dockerfile: string;
  readonly filename: string;
  readonly ignore: string;
}

export interface OpenBuildContextOptions {
  readonly context: string;
  readonly file?: string | undefined;
  readonly stdin?: AsyncIterable<Buffer> | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface OpenIo {
  readonly sources: Sources;
  readonly keepGitDirectory: boolean;
}

/**
 * Opens what a build is given (BuildKit frontend/dockerui/context.go, buildx build/opt.go): a directory; a git repository; the URL of a tar or of a
 * Dockerfile; `-`, one of these two on standard input. Only a directory's ignore file counts.
 */
export async function openBuildContext(
  options: OpenBuildContextOptions,
  io: OpenIo,
): Promise<OpenedBuildContext> {
  const { context, file } = options;
  if (context === '-' && file === '-') {
    throw failure('USAGE', 'build', '-', 'standard input cannot be the context and the Dockerfile at once', {
      hint: 'name a directory, or a Dockerfile inside the context',
    });
  }
  const git = contextReference(context);
  if (git !== undefined) return await openGit(git, options, io);
  if (/^https?:\/\//.test(context)) return await openUrl(context, options, io);
  if (context === '-') return await openStream(standardInput(options), 'standard input', options, io);
  return await openDirectory(options, io);
}

/** `github.com/a/b` without a scheme is a repository here, though not for ADD. */
export function contextReference(text: string): ParsedGitReference | undefined {
  return parseGitReference(text.startsWith('github.com/') ? `https://${withGitSuffix(text)}` : text);
}

function withGitSuffix(text: string): string {
  const [, path = '', rest = ''] = /^([^?#]*)(.*)$/s.exec(text) ?? [];
  return `${path.endsWith('.git') ? path : `${path}.git`}${rest}`;
}

async function openDirectory(options: OpenBuildContextOptions, io: OpenIo): Promise<OpenedBuildContext> {
  const path = resolve(options.context);
  const state = await stat(path).catch(() => undefined);
  if (!state?.isDirectory()) {
    throw failure('NOT_FOUND', 'build', options.context, 'there is no such directory', {
      hint: 'polyarch build [OPTIONS] CONTEXT takes the directory that the Dockerfile copies from',
    });
  }
  const elsewhere = await dockerfileElsewhere(options, io);
  const file = options.file === undefined ? join(path, 'Dockerfile') : resolve(options.file);
  const dockerfile =
    elsewhere ??
    (await readText(file)) ??
    // Docker takes this spelling, too (moby#10858).
    (options.file === undefined ? await readText(join(path, 'dockerfile')) : undefined);
  if (dockerfile === undefined) {
    throw failure('NOT_FOUND', 'read', file, 'there is no such Dockerfile', { hint: 'name it with -f FILE' });
  }
  const { beside, inContext } = ignoreFilesFor(file);
  const own = elsewhere === undefined ? await readText(beside) : undefined;
  const ignore = own ?? (await readText(join(path, inContext))) ?? '';
  return {
    context: { kind: 'directory', path, ignore },
    dockerfile,
    filename: elsewhere === undefined ? (options.file ?? 'Dockerfile') : 'Dockerfile',
    ignore,
  };
}

async function openGit(
  parsed: ParsedGitReference,
  options: OpenBuildContextOptions,
  io: OpenIo,
): Promise<OpenedBuildContext> {
  if (parsed.kind === 'invalid') throw failure('USAGE', 'build', 'git repository', parsed.what);
  const { reference } = parsed;
  const keepGitDirectory = reference.keepGitDirectory ?? io.keepGitDirectory;
  const signal = signalOf(options.signal);
  const { directory } = await io.sources.git.checkOut({ ...reference, keepGitDirectory }, { signal });
  const tree = new RootedTree(directory);
  const context: ContextFiles = { kind: 'directory', path: directory, ignore: '' };
  return { context, ...(await dockerfileOf(tree, 'the repository', options, io)) };
}

async function openUrl(
  url: string,
  options: OpenBuildContextOptions,
  io: OpenIo,
): Promise<OpenedBuildContext> {
  const { path } = await io.sources.http.fetch(url, { signal: signalOf(options.signal) });
  return await openStream(createReadStream(path), redactUrl(url), options, io);
}

/** A tar is the context; anything else is the Dockerfile, alone. */
async function openStream(
  stream: AsyncIterable<Buffer>,
  source: string,
  options: OpenBuildContextOptions,
  io: OpenIo,
): Promise<OpenedBuildContext> {
  const { signal } = options;
  const input = stream[Symbol.asyncIterator]();
  const head = await headOf(input);
  const all = (async function* () {
    if (head.length > 0) yield head;
    yield* { [Symbol.asyncIterator]: () => input };
  })();
  const { compressionOf, isTarBlock } = await import('../../build/snapshot/copy/archive-kind.ts');
  if (compressionOf(head) === 'tar' && !isTarBlock(head)) {
    const dockerfile = await readAll(all, source);
    const tree = inlineTree('context', dockerfile, Math.floor(Date.now() / 1000));
    const context: ContextFiles = { kind: 'opened', origin: { tree, owners: 'keep' } };
    const elsewhere = await dockerfileElsewhere(options, io);
    return { context, dockerfile: elsewhere ?? dockerfile, filename: 'Dockerfile', ignore: '' };
  }
  const [{ ArchiveTree }, { decompressStream }] = await Promise.all([
    import('../../build/snapshot/copy/archive-tree.ts'),
    import('../../build/snapshot/copy/open-archive.ts'),
  ]);
  const { spoolDirectory } = io.sources;
  const archive = await ArchiveTree.read(decompressStream(all, { source, signal }), {
    source,
    spoolDirectory,
    signal,
  });
  io.sources.keep(archive);
  const context: ContextFiles = {
    kind: 'opened',
    origin: { tree: archive, owners: 'keep', hash: archive.hash },
  };
  return { context, ...(await dockerfileOf(archive, source, options, io)) };
}

/** The Dockerfile inside a context that is no directory of the user's. */
async function dockerfileOf(
  tree: SourceTree,
  source: string,
  options: OpenBuildContextOptions,
  io: OpenIo,
): Promise<Omit<OpenedBuildContext, 'context'>> {
  const elsewhere = await dockerfileElsewhere(options, io);
  if (elsewhere !== undefined) return { dockerfile: elsewhere, filename: 'Dockerfile', ignore: '' };
  const filename = options.file ?? 'Dockerfile';
  const names = options.file === undefined ? ['Dockerfile', 'dockerfile'] : [options.file];
  for (const name of names) {
    const path = tree.resolve(Buffer.from(name).toString('latin1').replace(/^\/+/, ''));
    const stats = tree.lstat(path);
    if (!stats?.isFile()) continue;
    if (stats.size > maxTextBytes) throw tooLarge(name);
    const bytes = Buffer.concat([...tree.read(path, stats, maxTextBytes)]);
    return { dockerfile: bytes.toString('utf8'), filename, ignore: '' };
  }
  throw failure('NOT_FOUND', 'read', filename, `there is no such Dockerfile in ${source}`, {
    hint: 'name it with -f FILE, from the root of the context',
  });
}

/** `-f -` and `-f URL`. */
async function dockerfileElsewhere(
  options: OpenBuildContextOptions,
  { sources }: OpenIo,
): Promise<string | undefined> {
  const { file, signal } = options;
  if (file === '-') return await readAll(standardInput(options), 'standard input');
  if (file === undefined || !/^https?:\/\//.test(file)) return undefined;
  const { path, size } = await sources.http.fetch(file, { signal: signalOf(signal) });
  if (size > maxTextBytes) throw tooLarge(redactUrl(file));
  return await readFile(path, 'utf8');
}

function standardInput({ stdin }: OpenBuildContextOptions): AsyncIterable<Buffer> {
  if (stdin !== undefined) return stdin;
  if (process.stdin.isTTY) {
    throw failure('USAGE', 'build', '-', 'standard input is a terminal', {
      hint: 'tar -c . | polyarch build -',
    });
  }
  return process.stdin as AsyncIterable<Buffer>;
}

async function headOf(input: AsyncIterator<Buffer>): Promise<Buffer> {
  let head: Buffer = Buffer.alloc(0);
  while (head.length < 512) {
    const { value, done } = await input.next();
    if (done) break;
    head = Buffer.concat([head, value]);
  }
  return head;
}

async function readAll(stream: AsyncIterable<Buffer>, source: string): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > maxTextBytes) throw tooLarge(source);
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  if (!isUtf8(bytes)) throw failure('DOCKERFILE', 'read', source, 'it is neither a tar nor a Dockerfile');
  return bytes.toString('utf8');
}

/** Undefined when there is no such file. */
export async function readText(path: string): Promise<string | undefined> {
  const state = await stat(path).catch(() => undefined);
  if (state === undefined || state.isDirectory()) return undefined;
  return (await readFileWithin(path, maxTextBytes)).toString('utf8');
}

function tooLarge(source: string): Error {
  return failure('LIMIT', 'read', source, `larger than ${maxTextBytes} bytes`);
}
