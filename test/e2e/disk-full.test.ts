import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { makeBaseImage } from '../../scripts/base-image.ts';
import { removeTree } from '../../scripts/remove-tree.ts';
import { formatPlatform, hostPlatform } from '../../src/oci/platform.ts';
import { hasProgram, withoutPrograms } from '../fixtures/capabilities.ts';
import { polyarchProgram, succeed } from '../fixtures/run-program.ts';

/**
 * Builds with a data directory on a disk of its own, which is enlarged for a second try.
 * `$1`: the data directory. `$2`: options of the disk. The rest: the command that builds.
 */
const twice = `
  home=$1; mount -t tmpfs -o "$2" tmpfs "$home"; shift 2
  export POLYARCH_HOME="$home"
  "$@"; code=$?
  df --output=iused "$home" | tail -n 1 >&2; echo "exit $code" >&2
  mount -o remount,rw,size=200m,nr_inodes=100000 "$home" || exit 1
  "$@" || exit 1
  # What is left is whole, and nothing else is left.
  cd "$home/store/blobs/sha256" && for blob in *; do echo "$blob  $blob"; done | sha256sum --check --quiet >&2 || exit 1
  find "$home/keeper" "$home/store/ingest" "$home/store/leases" "$home/snapshots" -mindepth 1 -maxdepth 1 ! -name by-diff ! -name 'empty*' -printf '%f\\n' >&2`;

const dockerfile = `FROM base
COPY random /copied
RUN cat /copied > /written
`;

const missing =
  process.getuid?.() === 0
    ? withoutPrograms('unshare', hasProgram('crun') ? 'crun' : 'runc')
    : 'needs root, to mount a disk';

describe('a disk that takes no more', { skip: missing }, () => {
  let scratch: string;
  /** What the first build made, and how many inodes it left taken. */
  let whole: { readonly digest: string; readonly inodes: number };
  before(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'polyarch-full-'));
    makeBaseImage(join(scratch, 'base'), { platforms: [formatPlatform(hostPlatform())] });
    mkdirSync(join(scratch, 'home'));
    mkdirSync(join(scratch, 'context'));
    const { randomBytes } = await import('node:crypto');
    writeFileSync(join(scratch, 'context/random'), randomBytes(4 * 1024 * 1024));
    writeFileSync(join(scratch, 'context/Dockerfile'), dockerfile);
    const { stdout, stderr } = await build('size=200m');
    whole = { digest: digestOf(stdout), inodes: Number(/(\d+)\nexit 0$/m.exec(stderr)?.[1]) };
  });
  after(() => removeTree(scratch));

  const build = (disk: string) =>
    succeed(
      [
        ...['unshare', '--mount', '--propagation', 'private', 'sh', '-c', twice, 'sh'],
        ...[join(scratch, 'home'), disk, polyarchProgram],
        ...['build', '--progress', 'quiet', '-t', 'localhost/full'],
        ...['--build-context', `base=oci-layout://${join(scratch, 'base')}`, join(scratch, 'context')],
      ] as [string, ...string[]],
      { env: { ...process.env, SOURCE_DATE_EPOCH: '1600000000' } },
    );

  const digestOf = (text: string): string => /sha256:[0-9a-f]{64}\s*$/.exec(text)?.[0].trim() ?? text;

  async function assertMends(disk: string, message: RegExp): Promise<void> {
    const { stdout, stderr } = await build(disk);
    assert.match(stderr, /^exit 1$/m);
    assert.match(stderr, message);
    assert.match(stderr, /^hint: /m);
    assert.equal(digestOf(stdout), whole.digest);
    const left = stderr.slice(stderr.indexOf('exit 1')).split('\n').slice(1, -1);
    // Snapshots of layers, each of which has its name among the finished ones.
    assert.deepEqual(
      left.filter((name) => !/^[0-9a-f]{8}-[0-9a-z]+$/.test(name)),
      [],
    );
  }

  const full = /^error: Cannot [a-z ]+ "[^"]+": (?:(?:overlay: )?ENOSPC: )?no space left on device/m;

  for (const [what, size] of Object.entries({
    'a base image’s blob': '512k',
    'a copied layer': '4m',
    'what a step writes': '12m',
    'a packed layer': '16m',
  })) {
    test(`${what} does not fit`, () => assertMends(`size=${size}`, /no space left on device|No space left/i));
  }

  test('no file can be made any more, at any point', async () => {
    const { inodes } = whole;
    await assertMends('nr_inodes=60', full);
    // What is written last is remembered where it can be, and not needed. Here it may be the step's own program that wants a file.
    await assertMends(`nr_inodes=${inodes - 10}`, /no space left on device/i);
  });

  test('a disk that is read-only from the start', async () => {
    await assertMends('ro', /^error: Cannot open "[^"]+": EROFS: read-only file system/m);
  });
});
