import type { ConfigChange } from '../../app/inspect/diff-config.ts';
import type { FileChange } from '../../app/inspect/diff-files.ts';
import type { DiffSide, ImageDiff } from '../../app/inspect/diff-images.ts';
import { printable } from '../../lib/redact.ts';
import { fields, formatBytes } from '../table.ts';

const signs = { added: '+', removed: '-', changed: '~' } as const;

/** What only the first has behind `-`, what only the second has behind `+`, files that both have behind `~`. */
export function renderDiff({ before, after, platforms, config, layers, files }: ImageDiff): string {
  const side = ({ reference, platform, digest }: DiffSide) => `${reference} ${platform} ${digest}`;
  const head = fields([
    ['-', side(before)],
    ['+', side(after)],
  ]);
  const count = (change: FileChange['change']) => files.filter((file) => file.change === change).length;
  const sections = [
    section(
      'Platforms of the index',
      platforms.map(({ change, platform }) => `${signs[change]} ${platform}`),
    ),
    section('Config', config.flatMap(configLines)),
    section(
      `Layers (${layers.shared} shared)`,
      layers.changes.map(({ change, digest, size }) => `${signs[change]} ${digest}  ${formatBytes(size)}`),
    ),
    section(
      `Files (${count('removed')} removed, ${count('added')} added, ${count('changed')} changed)`,
      files.map(fileLine),
    ),
  ];
  const found = sections.filter((text) => text !== '');
  return `${head}${found.length === 0 ? '\nno difference\n' : found.join('')}`;
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `\n${title}:\n${lines.map((line) => `  ${printable(line)}\n`).join('')}`;
}

function configLines(change: ConfigChange): string[] {
  const line = (sign: string, value: unknown) =>
    `${sign} ${change.field}: ${typeof value === 'string' ? value : JSON.stringify(value)}`;
  return [
    ...('before' in change ? [line('-', change.before)] : []),
    ...('after' in change ? [line('+', change.after)] : []),
  ];
}

function fileLine({ change, path, aspects, sizeBefore, sizeAfter }: FileChange): string {
  const sizes =
    sizeBefore !== undefined && sizeAfter !== undefined && sizeBefore !== sizeAfter
      ? ` ${sizeBefore} → ${sizeAfter} bytes`
      : '';
  return `${signs[change]} ${path}${aspects ? `  (${aspects.join(', ')}${sizes})` : ''}`;
}
