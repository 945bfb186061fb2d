import type { Command } from 'commander';
import { annotateIndex } from '../../app/index/change-index.ts';
import { failure } from '../../lib/errors.ts';
import type { Platform } from '../../oci/platform.ts';
import { append, appendAll } from '../option-lists.ts';
import { addRegistryOptions, registrySettings } from '../registry-options.ts';
import { type ChangeFlags, changeOptions, withGuards, withResult } from './flags.ts';
import { writeResult } from './write-result.ts';

interface Flags extends ChangeFlags {
  readonly os?: string;
  readonly arch?: string;
  readonly variant?: string;
  readonly osVersion?: string;
  readonly osFeatures?: string[];
  readonly features?: string[];
  readonly annotation?: string[];
  readonly removeAnnotation?: string[];
  readonly url?: string[];
}

export function command(program: Command, context: { signal: AbortSignal }): Command {
  program
    .description(
      'Change what the index that a name points at now says of one of its entries, or of itself. The bytes of the images stay as they are.',
    )
    .argument('<target>', 'the index')
    .argument('[entry]', 'platform or digest of an entry; none: the index itself, which has annotations only')
    .option('--os <os>', 'operating system')
    .option('--arch <architecture>', 'architecture, any')
    .option('--variant <variant>', 'variant of the architecture; "" for none')
    .option('--os-version <version>', 'version of the operating system; "" for none')
    .option(
      '--os-features <feature>',
      'features of the operating system, comma separated; "" for none',
      appendAll,
    )
    .option('--features <feature>', 'features of the processor, comma separated; "" for none', appendAll)
    .option(
      '--annotation <annotation>',
      'KEY=VALUE, or [index|manifest-descriptor[PLATFORM]:]KEY=VALUE',
      append,
    )
    .option('--remove-annotation <key>', 'take an annotation away', append)
    .option('--url <url>', 'where the entry’s content can be had besides; "" for nowhere', append)
    .option('-t, --tag <reference>', 'one more name for the result; may be given several times', append);
  withResult(withGuards(program)).action(async (target: string, entry: string | undefined, flags: Flags) => {
    const platform = platformOf(flags);
    if (entry === undefined && (platform !== undefined || flags.url !== undefined)) {
      throw failure('USAGE', 'annotate', target, 'an index has no platform and no URLs of its own', {
        hint: `polyarch index annotate ${target} linux/arm64 … changes an entry`,
      });
    }
    if ([platform, flags.annotation, flags.removeAnnotation, flags.url].every((said) => said === undefined)) {
      throw failure('USAGE', 'annotate', target, 'nothing is to be changed', {
        hint: 'polyarch index annotate --help',
      });
    }
    const written = await annotateIndex({
      ...changeOptions(target, flags, context.signal),
      registry: registrySettings(flags),
      entry,
      platform,
      annotations: flags.annotation ?? [],
      ...(flags.removeAnnotation === undefined ? {} : { removeAnnotations: flags.removeAnnotation }),
      urls: flags.url?.filter(Boolean),
    });
    await writeResult(written, flags);
  });
  return addRegistryOptions(program);
}

/** Undefined when no field is named. An empty text takes the field away: the index then has none. */
function platformOf(flags: Flags): Partial<Platform> | undefined {
  const fields: [string, unknown][] = [
    ['os', flags.os],
    ['architecture', flags.arch],
    ['variant', flags.variant],
    ['os.version', flags.osVersion],
    ['os.features', flags.osFeatures],
    ['features', flags.features],
  ];
  const named = fields.filter(([, value]) => value !== undefined);
  if (named.length === 0) return undefined;
  return Object.fromEntries(named.map(([key, value]) => [key, value === '' ? undefined : value]));
}
