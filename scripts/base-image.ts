import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';

import type { Digest } from '../src/lib/digest.ts';
import type { Descriptor, Layer } from '../src/oci/descriptor.ts';
import type { ImageConfig, Index, Manifest } from '../src/oci/manifest.ts';
import { mediaTypes } from '../src/oci/media-types.ts';
import { formatPlatform, type Platform, parsePlatform } from '../src/oci/platform.ts';
import { downloadPackages, unpackPackage } from './debian-packages.ts';
import { LayoutDirectory, pushLayout } from './layout-directory.ts';

/** Platform → Debian's name of the architecture. */
const debianArchitectures: Readonly<Record<string, string>> = {
  'linux/amd64': 'amd64',
  'linux/arm64': 'arm64',
  'linux/arm/v7': 'armhf',
  'linux/386': 'i386',
  'linux/ppc64le': 'ppc64el',
  'linux/riscv64': 'riscv64',
  'linux/s390x': 's390x',
};

/** What both of Debian's current releases have. */
export const defaultPlatforms = ['linux/amd64', 'linux/arm64', 'linux/arm/v7', 'linux/s390x'];

/** Every file's time and the image's, so that one version of the packages gives one digest everywhere. */
const created = new Date('2025-01-01T00:00:00Z');

const files: Readonly<Record<string, string>> = {
  'etc/passwd': [
    'root:x:0:0:root:/root:/bin/sh',
    'www-data:x:33:33:www-data:/var/www:/bin/false',
    'nobody:x:65534:65534:nobody:/nonexistent:/bin/false',
    '',
  ].join('\n'),
  'etc/group': ['root:x:0:', 'www-data:x:33:', 'users:x:100:', 'nogroup:x:65534:', ''].join('\n'),
  'etc/os-release': 'ID=busybox\nNAME="Busybox"\nPRETTY_NAME="Busybox from Debian\'s packages"\n',
};

const directories: Readonly<Record<string, number>> = {
  bin: 0o755,
  dev: 0o755,
  etc: 0o755,
  home: 0o755,
  proc: 0o555,
  root: 0o700,
  run: 0o755,
  sbin: 0o755,
  sys: 0o555,
  tmp: 0o1777,
  usr: 0o755,
  'usr/bin': 0o755,
  'usr/local': 0o755,
  'usr/local/bin': 0o755,
  var: 0o755,
  'var/tmp': 0o1777,
  'var/www': 0o755,
};

/** GNU tar, not the program's own writer: images made here are what that is tested on. */
function packLayer(layout: LayoutDirectory, directory: string): Layer {
  const time = `--mtime=@${created.getTime() / 1000}`;
  const owner = ['--owner=0', '--group=0', '--numeric-owner'];
  const order = ['--sort=name', '--format=ustar', '--no-recursion', '--null', '--files-from=-'];
  const names = execFileSync('find', ['.', '-mindepth', '1', '-printf', '%P\\0'], { cwd: directory });
  const tar = execFileSync('tar', ['--create', time, ...owner, ...order], {
    cwd: directory,
    input: Buffer.from(`${names.toString().split('\0').filter(Boolean).sort().join('\0')}\0`),
    maxBuffer: 64 * 1024 * 1024,
  });
  const diffId = `sha256:${createHash('sha256').update(tar).digest('hex')}` as Digest;
  return { descriptor: layout.add(mediaTypes.ociLayerGzip, gzipSync(tar)), diffId };
}

/** Directories and accounts: one layer for all platforms. */
function makeSkeleton(directory: string): void {
  for (const [path, mode] of Object.entries(directories)) {
    mkdirSync(join(directory, path), { recursive: true });
    chmodSync(join(directory, path), mode);
  }
  for (const [path, text] of Object.entries(files)) {
    writeFileSync(join(directory, path), text);
    chmodSync(join(directory, path), 0o644);
  }
  symlinkSync('../../bin/busybox', join(directory, 'usr/bin/env'));
}

/**
 * The names that a busybox goes by, read from the program's own table: a foreign one cannot be asked. The table is
 * its applets' names in byte order, each ended by a NUL; `[` and `[[` come first.
 */
function appletsOf(program: Buffer): string[] {
  const start = program.indexOf('\0[\0[[\0', 0, 'latin1');
  if (start < 0) throw new Error('Cannot read "busybox": it has no table of applets');
  const names: string[] = [];
  for (let at = start + 1; ; ) {
    const end = program.indexOf(0, at);
    const name = program.toString('latin1', at, end);
    if (!/^[[a-z0-9_.-]+$/.test(name) || name <= (names.at(-1) ?? '')) return names;
    names.push(name);
    at = end + 1;
  }
}

function makeBusybox(directory: string, debianPackage: string): void {
  const scratch = mkdtempSync(join(tmpdir(), 'polyarch-package-'));
  try {
    unpackPackage(debianPackage, scratch);
    const found = ['bin/busybox', 'usr/bin/busybox'].find((path) => existsSync(join(scratch, path)));
    if (found === undefined) throw new Error(`Cannot read "${debianPackage}": no busybox in it`);
    mkdirSync(join(directory, 'bin'));
    chmodSync(join(directory, 'bin'), 0o755);
    copyFileSync(join(scratch, found), join(directory, 'bin/busybox'));
    chmodSync(join(directory, 'bin/busybox'), 0o755);
    for (const applet of appletsOf(readFileSync(join(scratch, found)))) {
      if (applet !== 'busybox') symlinkSync('busybox', join(directory, 'bin', applet));
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function addImage(layout: LayoutDirectory, platform: Platform, layers: readonly Layer[]): Descriptor {
  const time = created.toISOString().replace('.000', '');
  const config: ImageConfig = {
    created: time,
    architecture: platform.architecture,
    os: platform.os,
    ...(platform.variant === undefined ? {} : { variant: platform.variant }),
    config: { Env: ['PATH=/usr/local/bin:/usr/bin:/bin:/sbin'], Cmd: ['sh'] },
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
    history: [
      { created: time, created_by: 'directories and accounts' },
      { created: time, created_by: "busybox-static from Debian's packages" },
    ],
  };
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: layout.addJson(mediaTypes.ociConfig, config),
    layers: layers.map((layer) => layer.descriptor),
  };
  return { ...layout.addJson(mediaTypes.ociManifest, manifest), platform };
}

/** The checkout's cache where this user may write it, else one of the user's own. */
export function cacheDirectory(): string {
  const checkout = join(import.meta.dirname, '..');
  const shared = join(checkout, '.cache/base-image');
  try {
    mkdirSync(shared, { recursive: true });
    accessSync(shared, constants.W_OK);
    return shared;
  } catch {
    return join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'polyarch/base-image');
  }
}

export interface BaseImage {
  readonly layout: LayoutDirectory;
  readonly root: Descriptor;
  /** Pushes to `localhost:PORT/repository:tag`. */
  push(reference: string): Promise<void>;
}

/**
 * A busybox image of two layers for several platforms, from Debian's own packages: an OCI layout in `directory`,
 * tagged `1`. The same packages give the same digests.
 */
export function makeBaseImage(
  directory: string,
  options: { platforms?: readonly string[]; report?: (line: string) => void } = {},
): BaseImage {
  const platforms = (options.platforms ?? defaultPlatforms).map((text) => parsePlatform(text));
  const architectures = platforms.map((platform) => {
    const name = debianArchitectures[formatPlatform(platform)];
    if (name === undefined) throw new Error(`Cannot make a base image for "${formatPlatform(platform)}"`);
    return name;
  });
  const packages = downloadPackages('busybox-static', architectures, {
    directory: cacheDirectory(),
    report: options.report ?? (() => {}),
  });

  const layout = new LayoutDirectory(directory);
  const scratch = mkdtempSync(join(tmpdir(), 'polyarch-base-image-'));
  try {
    const skeleton = join(scratch, 'skeleton');
    makeSkeleton(skeleton);
    const shared = packLayer(layout, skeleton);
    const manifests = platforms.map((platform, position) => {
      const root = join(scratch, `${position}`);
      mkdirSync(root);
      makeBusybox(root, packages.get(architectures[position] ?? '') ?? '');
      return addImage(layout, platform, [shared, packLayer(layout, root)]);
    });
    const index: Index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
    const root = layout.addJson(mediaTypes.ociIndex, index);
    layout.tag(root, '1');
    return { layout, root, push: (reference) => pushLayout(layout, root, reference) };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

const usage = `Makes a busybox base image for several platforms from Debian's packages.

Usage: node scripts/base-image.ts [--platform LIST] [--push localhost:PORT/base:1] DIRECTORY

  --platform LIST   comma-separated; default ${defaultPlatforms.join(',')}
  --push REFERENCE  pushes it to a registry on this machine, too
  DIRECTORY         where the OCI layout goes
`;

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { platform: { type: 'string' }, push: { type: 'string' } },
  });
  const [directory, ...rest] = positionals;
  if (directory === undefined || rest.length > 0) {
    process.stderr.write(usage);
    process.exit(2);
  }
  const image = makeBaseImage(directory, {
    ...(values.platform === undefined ? {} : { platforms: values.platform.split(',') }),
    report: (line) => process.stdout.write(`${line}\n`),
  });
  if (values.push !== undefined) await image.push(values.push);
  process.stdout.write(`${image.root.digest}\n`);
}
