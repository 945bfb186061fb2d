import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Index files that only software centres and shells' hints read: a third of the download. */
const unread = ['DEP-11', 'DEP-11-icons-small', 'DEP-11-icons', 'CNF'].map(
  (target) => `Acquire::IndexTargets::deb::${target}::DefaultEnabled=false`,
);

/** apt with a state of its own: the machine's lists, cache and foreign architectures stay as they are. */
function privateApt(directory: string, architectures: readonly string[]): string[] {
  const state = join(directory, 'apt');
  for (const folder of ['lists/partial', 'cache/archives/partial'])
    mkdirSync(join(state, folder), { recursive: true });
  writeFileSync(join(state, 'status'), '');
  const settings = [
    `Dir::State=${state}`,
    `Dir::State::status=${join(state, 'status')}`,
    `Dir::Cache=${join(state, 'cache')}`,
    `APT::Architecture=${architectures[0]}`,
    ...architectures.map((name) => `APT::Architectures::=${name}`),
    'Acquire::Languages=none',
    'APT::Sandbox::User=root',
    ...unread,
  ];
  return ['-q', ...settings.flatMap((setting) => ['-o', setting])];
}

/** `busybox-static_1%3a1.35.0-4_arm64.deb` */
function find(directory: string, name: string, architecture: string): string | undefined {
  const file = readdirSync(directory).find(
    (entry) => entry.startsWith(`${name}_`) && entry.endsWith(`_${architecture}.deb`),
  );
  return file === undefined ? undefined : join(directory, file);
}

/**
 * Downloads one package for each of some Debian architectures through the mirror that apt is configured with, which
 * also verifies the signatures. No root needed. What `directory` has is not asked for again. Architecture → file.
 */
export function downloadPackages(
  name: string,
  architectures: readonly string[],
  options: { directory: string; report: (line: string) => void },
): Map<string, string> {
  const { directory, report } = options;
  mkdirSync(directory, { recursive: true });
  const missing = architectures.filter((architecture) => find(directory, name, architecture) === undefined);
  if (missing.length > 0) {
    report(`downloading Debian's ${name} for ${missing.join(', ')}`);
    const apt = privateApt(directory, missing);
    // One index out of many may fail while a mirror is being refreshed: what counts is whether the package can be had.
    const update = spawnSync('apt-get', [...apt, 'update'], { encoding: 'utf8' });
    const wanted = missing.map((architecture) => `${name}:${architecture}`);
    const download = spawnSync('apt-get', [...apt, 'download', ...wanted], {
      cwd: directory,
      encoding: 'utf8',
    });
    rmSync(join(directory, 'apt'), { recursive: true, force: true });
    if (download.status !== 0) {
      throw new Error(`Cannot download "${wanted.join(' ')}": ${update.stderr}${download.stderr}`.trim());
    }
  }
  return new Map(
    architectures.map((architecture) => [architecture, find(directory, name, architecture) ?? '']),
  );
}

/** Unpacks a package's files into a directory that exists. */
export function unpackPackage(file: string, directory: string): void {
  execFileSync('dpkg-deb', ['--extract', file, directory], { stdio: ['ignore', 'ignore', 'inherit'] });
}
