import type { Command } from 'commander';
import { type InstalledEmulator, installEmulators } from '../../app/emulators/install-emulators.ts';
import { installPrivately } from '../../app/emulators/private-emulators.ts';
import { printable } from '../../lib/redact.ts';
import { type Format, formatData, formatOption } from '../format.ts';
import { addRegistryOptions, type RegistryFlags, registrySettings } from '../registry-options.ts';
import { writeOutput } from '../write-output.ts';

interface InstallFlags extends RegistryFlags {
  readonly from?: string;
  readonly private?: true;
  readonly format: Format;
}

export function command(program: Command, context: { signal: AbortSignal }): Command {
  program
    .description(
      'Register emulators for the whole machine, in any root (flags POCF), until it is started anew. Needs root; builds do not need it on Linux 6.7 and later. With --private only fetch them, for builds of this user.',
    )
    .argument('<architecture...>', 'all, or as arm64, riscv64, linux/s390x')
    .option(
      '--from <image>',
      'take qemu from an image, as tonistiigi/binfmt (default: qemu-user-static here)',
    )
    .option('--private', 'for this user’s builds alone, without root; stays until it is removed')
    .addOption(formatOption());
  return addRegistryOptions(program).action(async (words: string[], flags: InstallFlags) => {
    const { from, format } = flags;
    const { signal } = context;
    const install = flags.private ? installPrivately : installEmulators;
    const installed = await install(words, { from, signal, registry: registrySettings(flags) });
    await writeOutput([formatData(installed, format, renderInstalled)]);
  });
}

function renderInstalled(installed: readonly InstalledEmulator[]): string {
  return installed
    .map(({ status, architecture, name, program, version, from }) => {
      const origin = from === undefined ? '' : ` from ${from}`;
      return `${status} ${architecture}: ${name} ${version ?? ''} ${printable(program)}${printable(origin)}\n`;
    })
    .join('');
}
