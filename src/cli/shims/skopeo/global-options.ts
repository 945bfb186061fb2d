import type { Command } from 'commander';
import { failure } from '../../../lib/errors.ts';
import { hostPlatform, normalizePlatform, type Platform } from '../../../oci/platform.ts';

export interface GlobalFlags {
  readonly overrideArch?: string;
  readonly overrideOs?: string;
  readonly overrideVariant?: string;
  readonly commandTimeout?: string;
  readonly tmpdir?: string;
}

export function globalOptions(program: Command): Command {
  return program
    .option('--override-arch <arch>', 'choose images for this architecture in place of the machine’s')
    .option('--override-os <os>', 'choose images for this system')
    .option('--override-variant <variant>', 'choose images for this variant')
    .option('--command-timeout <duration>', 'give up after it: 90s, 5m, 1h30m')
    .option('--insecure-policy', 'there is no policy here that could be checked')
    .option('--tmpdir <directory>', 'where temporary files lie')
    .hook('preAction', (_program, command) => {
      const { tmpdir } = command.optsWithGlobals<GlobalFlags>();
      if (tmpdir !== undefined) process.env.TMPDIR = tmpdir;
    });
}

/** The platform that is meant where an index is not copied whole. */
export function systemPlatform(flags: GlobalFlags): Platform {
  const host = hostPlatform();
  const { overrideArch, overrideOs, overrideVariant } = flags;
  return normalizePlatform({
    os: overrideOs ?? host.os,
    architecture: overrideArch ?? host.architecture,
    ...(overrideVariant === undefined ? {} : { variant: overrideVariant }),
  });
}

/** Aborts with the signal, and after `--command-timeout`. */
export function withTimeout(signal: AbortSignal, flags: GlobalFlags): AbortSignal {
  if (flags.commandTimeout === undefined) return signal;
  const after = new AbortController();
  const late = failure('NETWORK', 'finish in', flags.commandTimeout, 'the command took longer');
  setTimeout(() => after.abort(late), milliseconds(flags.commandTimeout)).unref();
  return AbortSignal.any([signal, after.signal]);
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Go's time.ParseDuration, of what a timeout needs. */
function milliseconds(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([all]) => all).join('') !== text) {
    throw failure('USAGE', 'use --command-timeout', text, 'not a duration', {
      hint: '90s, 5m and 1h30m are',
    });
  }
  return parts.reduce((sum, [, number, unit = '']) => sum + Number(number) * (units[unit] ?? 0), 0);
}
