import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { BaseImage } from '../scripts/base-image.ts';
import { pushLayout } from '../scripts/layout-directory.ts';
import { LayerWriter } from '../src/archive/layer-writer.ts';
import type { ImageConfig, Index, Manifest } from '../src/oci/manifest.ts';
import { mediaTypes } from '../src/oci/media-types.ts';
import { seededBytes } from './random-files.ts';

export interface ExtraFiles {
  readonly count: number;
  /** Of each. */
  readonly bytes: number;
}

const filesPerDirectory = 100;
const attributes = { uid: 0, gid: 0, mtime: 1_735_689_600 } as const;

/** The image with one layer more, the same on every platform: files in `/usr/share/base`. */
export async function largerBase(
  { layout, root }: BaseImage,
  files: ExtraFiles,
): Promise<Pick<BaseImage, 'push'>> {
  const { descriptor, diffId, bytes } = await filesLayer(files);
  layout.add(descriptor.mediaType, bytes);
  const { manifests, ...index } = JSON.parse(layout.read(root).toString()) as Index;
  const larger = manifests.map(({ platform, ...entry }) => {
    const manifest = JSON.parse(layout.read(entry).toString()) as Manifest;
    const config = JSON.parse(layout.read(manifest.config).toString()) as ImageConfig;
    const diffIds = [...(config.rootfs?.diff_ids ?? []), diffId];
    const history = [...(config.history ?? []), { created_by: 'files of the benchmark' }];
    const made = layout.addJson(mediaTypes.ociConfig, {
      ...config,
      history,
      rootfs: { type: 'layers', diff_ids: diffIds },
    });
    const layers = [...manifest.layers, descriptor];
    return { ...layout.addJson(mediaTypes.ociManifest, { ...manifest, config: made, layers }), platform };
  });
  const made = layout.addJson(mediaTypes.ociIndex, { ...index, manifests: larger });
  return { push: (reference) => pushLayout(layout, made, reference) };
}

async function filesLayer({ count, bytes }: ExtraFiles) {
  const directory = mkdtempSync(join(tmpdir(), 'polyarch-bench-layer-'));
  try {
    const path = join(directory, 'layer');
    const writer = await LayerWriter.create(path);
    const content = seededBytes('base', 4 * 1024 * 1024 + bytes);
    for (const parent of ['usr', 'usr/share', 'usr/share/base'])
      await writer.add({ ...attributes, path: parent, type: 'directory', mode: 0o755, size: 0 });
    for (let position = 0; position < count; position++) {
      const folder = `usr/share/base/d${Math.floor(position / filesPerDirectory)}`;
      if (position % filesPerDirectory === 0)
        await writer.add({ ...attributes, path: folder, type: 'directory', mode: 0o755, size: 0 });
      const from = (position * 4099) % (content.length - bytes);
      await writer.add(
        { ...attributes, path: `${folder}/f${position}`, type: 'file', mode: 0o644, size: bytes },
        content.subarray(from, from + bytes),
      );
    }
    const { descriptor, diffId } = await writer.finish();
    return { descriptor, diffId, bytes: readFileSync(path) };
  } finally {
    rmSync(directory, { recursive: true });
  }
}
