import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { digestOf } from '../../lib/digest.ts';
import { planImages } from './plan-images.ts';
import type { ResolveBase } from './plan-request.ts';

/** Written by `docker build --build-arg N=nv` and `docker image inspect`, `docker history` of dockerd 28.5: never by us. */
const goldens = resolve(import.meta.dirname, '../../../test/goldens/frontend');

const digest = digestOf('base');
const layer = { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest, size: 1 };
const resolveBase: ResolveBase = async (reference, platform) => ({
  reference,
  manifest: layer,
  config: {
    ...platform,
    config: { Env: ['PATH=/bin:/usr/bin'], Cmd: ['sh'], WorkingDir: '/', ArgsEscaped: true },
    rootfs: { type: 'layers', diff_ids: [digest] },
  },
  layers: [{ descriptor: layer, diffId: digest }],
});

describe('configs and histories are those of Docker', () => {
  for (const name of readdirSync(goldens)) {
    test(name, async () => {
      const read = (file: string) => readFileSync(join(goldens, name, file), 'utf8');
      const platform = { os: 'linux', architecture: 'amd64' };
      const { images } = await planImages(
        {
          dockerfile: read('Dockerfile'),
          filename: 'Dockerfile',
          platforms: [platform],
          buildPlatform: platform,
          buildArgs: { N: 'nv' },
        },
        { resolveBase },
      );
      assert.deepEqual(images[0]?.config, JSON.parse(read('config.json')));
      // Docker marks what its builder ran; we leave the mark out.
      const expected = read('history.txt')
        .trimEnd()
        .split('\n')
        .map((line) => line.replace(/ # buildkit$/, ''));
      assert.deepEqual(
        images[0]?.history.map(({ createdBy }) => createdBy),
        expected,
      );
    });
  }
});
