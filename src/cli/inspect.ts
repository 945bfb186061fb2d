import { type Command, Option } from 'commander';
import type { InspectOptions } from '../app/inspect/open-root.ts';
import { failure } from '../lib/errors.ts';
import { type Format, formatOption } from './format.ts';
import { addRegistryOptions, type RegistryFlags, registrySettings } from './registry-options.ts';
import { tellTransferEvent } from './tell-transfer-event.ts';
import { terminalDocument } from './terminal-text.ts';

interface Options extends RegistryFlags {
  readonly raw?: true;
  readonly config?: true;
  readonly referrers?: true;
  readonly rateLimit?: true;
  readonly files?: true | string;
  readonly diff?: string;
  readonly platform?: string;
  readonly format: Format;
}

export function command(program: Command, context: { signal: AbortSignal }): Command {
  program
    .usage('[options] <reference>')
    .argument('[reference]', 'an image in a registry, or behind a transport: local:NAME, oci:DIR')
    .option('--platform <platform>', 'this platform’s manifest instead of the index');
  for (const option of viewOptions()) program.addOption(option);
  program.addOption(formatOption()).action(async (argument: string | undefined, options: Options) => {
    // What follows --files is a path when it begins with a slash, as no reference does.
    const { files } = options;
    const swapped = argument === undefined && typeof files === 'string' && !files.startsWith('/');
    const reference = swapped ? files : argument;
    if (reference === undefined) {
      throw failure('USAGE', 'run', 'polyarch inspect', 'no reference', { hint: 'polyarch inspect --help' });
    }
    const settings: InspectOptions = {
      registry: registrySettings(options),
      signal: context.signal,
      platform: options.platform,
      onEvent: (event) => tellTransferEvent(event),
    };
    await show(reference, swapped ? { ...options, files: true } : options, settings);
  });
  return addRegistryOptions(program);
}

/** One way of looking at an image excludes the others. */
function viewOptions(): Option[] {
  const options = [
    new Option('--raw', 'the exact bytes of the index or manifest').conflicts('format'),
    new Option('--config', 'the exact bytes of the config; with --format, fields of it'),
    new Option('--referrers', 'the tree of what refers to it: signatures, SBOMs, provenance'),
    new Option('--rate-limit', 'what the registry tells of the rate limit').conflicts('platform'),
    new Option('--files [path]', 'the merged file tree of one platform, at and below a path'),
    new Option('--diff <other>', 'what another reference, or another platform of this one, has different'),
  ];
  const names = options.map((option) => option.attributeName());
  return options.map((option) => option.conflicts(names.filter((name) => name !== option.attributeName())));
}

/** Loads what the chosen view needs and no more: `--raw` is quick because of it. */
async function show(reference: string, options: Options, settings: InspectOptions): Promise<void> {
  const { format } = options;
  if (options.raw || (options.config && format.kind === 'table')) {
    const { inspectConfig, inspectRaw } = await import('../app/inspect/inspect.ts');
    process.stdout.write(
      terminalDocument(await (options.raw ? inspectRaw : inspectConfig)(reference, settings)),
    );
    return;
  }
  const views = await import('./inspect/views.ts');
  if (options.config) await views.showConfig(reference, format, settings);
  else if (options.referrers) await views.showReferrers(reference, format, settings);
  else if (options.rateLimit) await views.showRateLimit(reference, format, settings);
  else if (options.diff !== undefined) await views.showDiff(reference, options.diff, format, settings);
  else if (options.files !== undefined) {
    const path = options.files === true ? undefined : options.files;
    await views.showFiles(reference, format, { ...settings, path });
  } else await views.showImage(reference, format, settings);
}
