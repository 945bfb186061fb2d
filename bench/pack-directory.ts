// Packs a directory into a layer with the program's own writer: node bench/pack-directory.ts DIRECTORY LAYER
// What a build does with an upper directory, as a process of its own, so that it is timed like tar and pigz.

import { createReadStream, lstatSync, readdirSync, readFileSync } from 'node:fs';

import { bytePathOf, joinFsPath } from '../src/archive/byte-path.ts';
import { LayerWriter } from '../src/archive/layer-writer.ts';

/** Files up to this size are read whole. */
const wholeBytes = 1024 * 1024;

const [directory = '', layer = ''] = process.argv.slice(2);
const writer = await LayerWriter.create(layer);

async function addDirectory(path: string): Promise<void> {
  for (const name of readdirSync(joinFsPath(directory, path), { encoding: 'utf8' }).sort()) {
    const child = bytePathOf(path === '' ? name : `${path}/${name}`);
    const location = joinFsPath(directory, child);
    const stat = lstatSync(location);
    const header = {
      path: child,
      mode: stat.mode & 0o7777,
      uid: stat.uid,
      gid: stat.gid,
      mtime: Math.floor(stat.mtimeMs / 1000),
    };
    if (stat.isDirectory()) {
      await writer.add({ ...header, type: 'directory', size: 0 });
      await addDirectory(child);
    } else if (stat.isFile()) {
      const content =
        stat.size <= wholeBytes
          ? readFileSync(location)
          : createReadStream(location, { highWaterMark: wholeBytes });
      await writer.add({ ...header, type: 'file', size: stat.size }, content);
    }
  }
}

await addDirectory('');
const { descriptor, diffId } = await writer.finish();
process.stdout.write(`${JSON.stringify({ descriptor, diffId })}\n`);
