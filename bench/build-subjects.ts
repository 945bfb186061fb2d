import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { formatPlatform, hostPlatform } from '../src/oci/platform.ts';
import type { Subject } from './build-fixture.ts';
import { writeSmallFiles, writeTars } from './random-files.ts';

const twoPlatforms = ['linux/amd64', 'linux/arm64'];
const native = [formatPlatform(hostPlatform())];
const hundredMegabytes = { count: 3_000, bytes: 35_000 } as const;

const smallContext = (directory: string): void => writeSmallFiles(join(directory, 'files'), 2_000, 'context');

/** Nine steps with two RUNs, one of them emulated. */
export const steps: Subject = {
  title: 'two platforms, nine steps',
  template: 'steps',
  platforms: twoPlatforms,
  writeContext: smallContext,
};

export const copyAlone: Subject = {
  title: 'two platforms, COPY only',
  template: 'copy',
  platforms: twoPlatforms,
  writeContext: smallContext,
};

export const copyOnLargeBase: Subject = {
  ...copyAlone,
  title: 'two platforms, COPY only, on a base of 100 MB in the same registry',
  base: hundredMegabytes,
};

/** What a package manager does: 3,000 files come, 300 go, a list is written. */
export const large: Subject = {
  title: 'a base of 100 MB, eight steps, packages unpacked',
  template: 'large',
  platforms: native,
  base: hundredMegabytes,
  writeContext(directory) {
    smallContext(directory);
    writeTars(join(directory, 'packages'), { count: 20, files: 150, seed: 'packages' });
  },
};

let edits = 0;

export const edited: Subject = {
  title: 'a source file changed before the last COPY, 20,000 files in the context',
  template: 'edit',
  platforms: native,
  writeContext(directory) {
    writeSmallFiles(join(directory, 'vendor'), 20_000, 'vendor');
    writeSmallFiles(join(directory, 'src'), 50, 'src');
    writeFileSync(join(directory, 'src/main'), 'first');
  },
  edit: (directory) => writeFileSync(join(directory, 'src/main'), `edit ${++edits} of ${process.pid}`),
};

/** Root file systems of `count` files, and a RUN that writes one: the only step, since a COPY's cost follows the names that the base has. */
export function oneFile(count: number): Subject {
  return {
    title: `a RUN that writes one file on ${count.toLocaleString('en')} files`,
    template: 'one-file',
    platforms: native,
    base: { count, bytes: 200 },
    writeContext: () => {},
    edit(directory) {
      const path = join(directory, 'Dockerfile');
      const text = readFileSync(path, 'utf8');
      writeFileSync(path, text.replace(/^RUN.*$/m, `RUN echo ${++edits} of ${process.pid} > /written`));
    },
  };
}
