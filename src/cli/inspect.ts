import { type Command, Option } from 'commander';
import type { InspectOptions } from '../app/inspect/open-root.ts';
import { type Format, formatData, formatOption } from './format.ts';
import { addRegistryOptions, type RegistryFlags, registrySettings } from './registry-options.ts';
import { renderTransferEvent } from './render-transfer-event.ts';

interface Options extends RegistryFlags {
  readonly raw?: true;
  readonly config?: true;
  readonly referrers?: true;
  readonly platform?: string;
  readonly format: Format;
}

export function command(program: Command, context: { signal: AbortSignal }): Command {
  program
    .argument('<reference>', 'an image in a registry, or behind a transport: local:NAME, oci:DIR')
    .option('--platform <platform>', 'show this platform’s manifest instead of the index')
    .addOption(
      new Option('--raw', 'print the exact bytes of the index or manifest').conflicts(['format', 'config']),
    )
    .option('--config', 'print the exact bytes of the config; with --format, fields of it')
    .addOption(
      new Option(
        '--referrers',
        'print the tree of what refers to it: signatures, SBOMs, provenance',
      ).conflicts(['raw', 'config']),
    )
    .addOption(formatOption())
    .action(async (reference: string, options: Options) => {
      const settings: InspectOptions = {
        registry: registrySettings(options),
        signal: context.signal,
        platform: options.platform,
        onEvent: (event) => process.stderr.write(`${renderTransferEvent(event)}\n`),
      };
      process.stdout.write(await shown(reference, options, settings));
    });
  return addRegistryOptions(program);
}

async function shown(
  reference: string,
  options: Options,
  settings: InspectOptions,
): Promise<string | Uint8Array> {
  if (options.referrers) {
    const [{ inspectReferrers }, { renderReferrers }] = await Promise.all([
      import('../app/inspect/inspect-referrers.ts'),
      import('./inspect/render-referrers.ts'),
    ]);
    return formatData(await inspectReferrers(reference, settings), options.format, renderReferrers);
  }
  const { inspect, inspectConfig, inspectRaw } = await import('../app/inspect/inspect.ts');
  if (options.raw) return await inspectRaw(reference, settings);
  if (options.config) {
    const bytes = await inspectConfig(reference, settings);
    if (options.format.kind === 'table') return bytes;
    return formatData(JSON.parse(bytes.toString('utf8')) as unknown, options.format, () => '');
  }
  const inspected = await inspect(reference, settings);
  const { renderInspected } = await import('./inspect/render-inspected.ts');
  return formatData(inspected, options.format, renderInspected);
}
