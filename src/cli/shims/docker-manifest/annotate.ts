import type { Command } from 'commander';
import { annotateManifest } from '../../../app/docker-manifest/docker-manifest.ts';
import { printable } from '../../../lib/redact.ts';

interface Flags {
  readonly arch?: string;
  readonly os?: string;
  readonly osVersion?: string;
  readonly osFeatures?: string[];
  readonly variant?: string;
}

export function command(program: Command): Command {
  return program
    .argument('<manifest-list>')
    .argument('<manifest>')
    .option('--arch <string>', 'Set architecture')
    .option('--os <string>', 'Set operating system')
    .option('--os-features <strings>', 'Set operating system feature', (text: string, all: string[] = []) => [
      ...all,
      ...text.split(',').filter((word) => word !== ''),
    ])
    .option('--os-version <string>', 'Set operating system version')
    .option('--variant <string>', 'Set architecture variant')
    .action(async (list: string, manifest: string, flags: Flags) => {
      const warnings = await annotateManifest(list, manifest, flags);
      for (const warning of warnings) process.stderr.write(`warning: ${printable(warning)}\n`);
    });
}
