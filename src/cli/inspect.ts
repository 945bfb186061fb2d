import { type Command, Option } from 'commander';
import { type InspectOptions, inspect, inspectRaw } from '../app/inspect.ts';
import { renderInspected } from './render-inspect.ts';
import { renderTransferEvent } from './render-transfer-event.ts';

interface Options {
  readonly raw?: true;
  readonly platform?: string;
  readonly format: 'table' | 'json';
}

export function command(program: Command, context: { signal: AbortSignal }): Command {
  return program
    .argument('<reference>', 'an image in a registry; local:NAME for one in the local store')
    .option('--platform <platform>', 'show this platform’s manifest instead of the index')
    .addOption(new Option('--raw', 'print the exact bytes of the index or manifest').conflicts('format'))
    .addOption(new Option('--format <format>', 'how to print').choices(['table', 'json']).default('table'))
    .action(async (reference: string, options: Options) => {
      const settings: InspectOptions = {
        signal: context.signal,
        platform: options.platform,
        onEvent: (event) => process.stderr.write(`${renderTransferEvent(event)}\n`),
      };
      if (options.raw) {
        process.stdout.write(await inspectRaw(reference, settings));
        return;
      }
      const inspected = await inspect(reference, settings);
      const text =
        options.format === 'json' ? `${JSON.stringify(inspected, null, 2)}\n` : renderInspected(inspected);
      process.stdout.write(text);
    });
}
