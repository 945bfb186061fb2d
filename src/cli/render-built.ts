import type { BuiltImage } from '../app/build.ts';
import { formatPlatform } from '../oci/platform.ts';

/** The result as an OS/ARCH table. */
export function renderBuilt(built: BuiltImage): string {
  const rows = [
    ...built.images.map(({ platform, manifest }) => [formatPlatform(platform), manifest.digest] as const),
    ...built.leftOut.map(({ platform }) => [formatPlatform(platform), 'left out: it failed'] as const),
  ];
  const width = Math.max('OS/ARCH'.length, ...rows.map(([platform]) => platform.length));
  const lines = [
    `${'OS/ARCH'.padEnd(width)}  DIGEST`,
    ...rows.map(([platform, digest]) => `${platform.padEnd(width)}  ${digest}`),
  ];
  const verb = built.pushed ? 'pushed' : 'stored';
  const names = built.references.map((reference) => `${verb} ${reference}@${built.root.digest}`);
  return `${[...lines, '', ...(names.length > 0 ? names : [`${verb} ${built.root.digest}`])].join('\n')}\n`;
}
