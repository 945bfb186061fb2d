import type { Command } from 'commander';
import { failure } from '../../../lib/errors.ts';
import { formatPlatform } from '../../../oci/platform.ts';
import { terminalText } from '../../terminal-text.ts';
import { type GlobalFlags, systemPlatform, withTimeout } from './global-options.ts';
import {
  addSkopeoRegistryOptions,
  type SkopeoRegistryFlags,
  skopeoRegistrySettings,
} from './registry-flags.ts';
import { skopeoLocation } from './skopeo-location.ts';

interface Flags extends SkopeoRegistryFlags, GlobalFlags {
  readonly raw?: true;
  readonly config?: true;
  readonly format?: string;
  readonly tags: boolean;
}

export function inspectCommand(program: Command, { signal }: { signal: AbortSignal }): Command {
  const command = program
    .command('inspect')
    .summary('show an image')
    .argument('<image>', 'TRANSPORT:NAME')
    .option('--raw', 'print the manifest or index as it is, or with --config the config')
    .option('--config', 'print the config')
    .option('-f, --format <template>', 'text with {{.Field}} in it')
    .option('-n, --no-tags', 'do not list the repository’s tags')
    .action(async (image: string) => {
      const flags = command.optsWithGlobals<Flags>();
      process.stdout.write(await shown(image, flags, withTimeout(signal, flags)));
    });
  return addSkopeoRegistryOptions(command);
}

async function shown(image: string, flags: Flags, signal: AbortSignal): Promise<string | Uint8Array> {
  const location = skopeoLocation(image);
  const registry = skopeoRegistrySettings(flags);
  const platform = systemPlatform(flags);
  if (flags.raw || flags.config) {
    const { inspectConfig, inspectRaw } = await import('../../../app/inspect/inspect.ts');
    if (!flags.config) return await inspectRaw(image, { registry, signal });
    const config = await inspectConfig(image, { registry, signal, platform: formatPlatform(platform) });
    return flags.raw ? config : print(JSON.parse(String(config)), flags.format);
  }
  const { skopeoInspect } = await import('../../../app/skopeo/skopeo-inspect.ts');
  return print(await skopeoInspect(location, { platform, tags: flags.tags, registry, signal }), flags.format);
}

/** Go's templates are a language of their own: fields alone are understood. */
function print(value: unknown, format: string | undefined): string {
  if (format === undefined) return `${JSON.stringify(value, null, 4)}\n`;
  const text = format.replace(/\{\{([^{}]*)\}\}/g, (_all, inner: string) => {
    const path = /^\s*((?:\.[A-Za-z_][A-Za-z0-9_]*)+)\s*$/.exec(inner)?.[1];
    if (path === undefined) {
      throw failure(
        'UNSUPPORTED',
        'use --format',
        inner.trim(),
        'only fields are understood, as in {{.Digest}}',
        {
          hint: 'leave --format away and give the JSON to jq',
        },
      );
    }
    const found = path
      .slice(1)
      .split('.')
      .reduce<unknown>(
        (at, key) => (at as Readonly<Record<string, unknown>> | undefined | null)?.[key],
        value,
      );
    return typeof found === 'string' ? found : JSON.stringify(found ?? null);
  });
  return terminalText(`${text}\n`);
}
