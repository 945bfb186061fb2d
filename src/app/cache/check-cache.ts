import { lstatSync, readdirSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { readTocFile } from '../../archive/toc.ts';
import { digestOf, hexOf } from '../../lib/digest.ts';
import { failure, isFailure, reasonOf } from '../../lib/errors.ts';
import { readFileWithin } from '../../lib/read-file-within.ts';
import { maxMetadataBytes } from '../../oci/manifest.ts';
import { listImages } from '../images/list-images.ts';
import { findLeftovers } from './find-leftovers.ts';
import { type CacheOptions, type OpenedCache, openCache, withKeeper } from './open-cache.ts';

export interface CacheFinding {
  /** `wrong`: a build or an image would suffer. `stale`: it costs space, and the next prune takes it away. */
  readonly level: 'wrong' | 'stale';
  readonly kind: 'content' | 'image' | 'record' | 'memo' | 'temporary' | 'owner';
  /** A digest, a name or a path. */
  readonly thing: string;
  readonly message: string;
  /** The next thing to type. */
  readonly hint: string;
}

export interface CheckedCache {
  /** Contents whose bytes were read. */
  readonly contents: number;
  readonly records: number;
  readonly findings: readonly CacheFinding[];
}

/** Takes away what is stale, and nothing that is of use. */
const tidy = 'polyarch cache prune --keep-duration 365d';

/** Reads everything that builds left on this machine, and holds it to what it should be. */
export async function checkCache(options: CacheOptions = {}): Promise<CheckedCache> {
  const cache = await openCache(options);
  if (cache === undefined) return { contents: 0, records: 0, findings: [] };
  const { read, findings: contents } = await checkContents(cache, options);
  const { records, findings: steps } = await checkRecords(cache, options);
  const findings = [
    ...contents,
    ...(await checkImages(options)),
    ...steps,
    ...(await checkMemos(cache, options)),
    ...(await findLeftovers(cache)).map((path): CacheFinding => {
      const message = 'a command that was killed left it';
      return { level: 'stale', kind: 'temporary', thing: path, message, hint: tidy };
    }),
    ...(await checkOwners(cache, options)),
  ];
  return { contents: read, records, findings };
}

async function checkContents({ store }: OpenedCache, options: CacheOptions) {
  const findings: CacheFinding[] = [];
  let read = 0;
  for await (const content of store.contents(options)) {
    try {
      await pipeline(await store.fetch({ mediaType: '', ...content }, options), nowhere());
    } catch (error) {
      if (isFailure(error, 'INTERRUPTED')) throw error;
      // It was pruned meanwhile.
      if (isFailure(error, 'NOT_FOUND')) continue;
      const hint = `rm -f ${store.blobPath(content.digest)}`;
      findings.push({
        level: 'wrong',
        kind: 'content',
        thing: content.digest,
        message: reasonOf(error),
        hint,
      });
    }
    read++;
  }
  return { read, findings };
}

async function checkImages(options: CacheOptions): Promise<CacheFinding[]> {
  return (await listImages(options)).flatMap(({ reference, missing }) => {
    if (missing === 0) return [];
    const message = `${missing} of its contents are not here`;
    const hint = `polyarch pull ${reference}, or build it again`;
    return [{ level: 'wrong', kind: 'image', thing: reference, message, hint }];
  });
}

/** A step whose layer is gone runs again. */
async function checkRecords({ steps, store }: OpenedCache, options: CacheOptions) {
  const findings: CacheFinding[] = [];
  let records = 0;
  for await (const { key, value } of steps.entries()) {
    records++;
    const { digest, size } = value.layer.descriptor;
    const found = await store.sizeOf(digest, options);
    if (found === size) continue;
    const message =
      found === undefined ? `its layer ${digest} is gone` : `its layer ${digest} has ${found} bytes`;
    findings.push({ level: 'stale', kind: 'record', thing: key, message, hint: tidy });
  }
  return { records, findings };
}

/** What cannot be read is made again, or fetched. */
async function checkMemos({ directory }: OpenedCache, options: CacheOptions): Promise<CacheFinding[]> {
  return [
    ...(await checkMemosIn(directory, 'tocs', (path) => readTocFile(path, options))),
    ...(await checkMemosIn(directory, join('cache', 'documents'), checkDocument)),
  ];
}

async function checkMemosIn(directory: string, below: string, check: (path: string) => Promise<unknown>) {
  const findings: CacheFinding[] = [];
  const names = await readdir(join(directory, below)).catch(() => []);
  for (const thing of names.filter((name) => name.endsWith('.json')).map((name) => join(below, name))) {
    try {
      await check(join(directory, thing));
    } catch (error) {
      if (isFailure(error, 'INTERRUPTED')) throw error;
      if (isFailure(error, 'NOT_FOUND') || (error as NodeJS.ErrnoException).code === 'ENOENT') continue;
      const hint = `rm -f ${join(directory, thing)}`;
      findings.push({ level: 'stale', kind: 'memo', thing, message: reasonOf(error), hint });
    }
  }
  return findings;
}

/** A document's name is its digest. */
async function checkDocument(path: string): Promise<void> {
  const digest = digestOf(await readFileWithin(path, maxMetadataBytes));
  if (hexOf(digest) !== basename(path, '.json'))
    throw failure('CONTENT_INVALID', 'verify', path, `its bytes have the digest ${digest}`);
}

/** What another user owns, as after a build with sudo, this one can neither touch nor remove. */
async function checkOwners(cache: OpenedCache, options: CacheOptions): Promise<CacheFinding[]> {
  const found = await withKeeper(cache, options, (keeper) => keeper.usage(options));
  const foreign = [...foreignBelow(cache.directory), ...(found?.foreign ?? [])];
  return foreign.map((path) => {
    const hint = `sudo chown -R "$(id -u):$(id -g)" ${path}`;
    return { level: 'wrong', kind: 'owner', thing: path, message: 'another user owns it', hint };
  });
}

/** Of these the keeper sees the owners as they are. */
const keeperDirectories = new Set(['snapshots', 'cache-mounts', 'keeper']);

function foreignBelow(root: string): string[] {
  const uid = process.getuid?.();
  const foreign: string[] = [];
  const pending = [root];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined) continue;
    // One for a whole directory will do.
    if (uid !== undefined && stats.uid !== uid) foreign.push(path);
    else if (stats.isDirectory()) {
      const names = readdirSync(path).filter((name) => path !== root || !keeperDirectories.has(name));
      for (const name of names) pending.push(join(path, name));
    }
  }
  return foreign;
}

function nowhere(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}
