import type { Command } from 'commander';
import { createIndex } from '../../app/index/create-index.ts';
import type { IndexType } from '../../index/plan-create.ts';
import { addRegistryOptions, type RegistryFlags, registrySettings } from '../registry-options.ts';
import { append, typeOption, withGuards, withResult } from './flags.ts';
import { eventWriter, type ResultFlags, writeResult } from './write-result.ts';

interface Flags extends ResultFlags, RegistryFlags {
  readonly tag?: string[];
  readonly platform?: string;
  readonly type?: IndexType;
  readonly replace?: true;
  readonly attestations: boolean;
  readonly annotation?: string[];
  readonly subject?: string;
  readonly artifactType?: string;
  readonly require?: string[];
  readonly optional?: string[];
  readonly expectDigest?: string;
}

export function command(program: Command, context: { signal: AbortSignal }): Command {
  program
    .description(
      'Assemble an index out of images that are anywhere, and publish it: children first, by digest, names last. What the target lacks is mounted or copied.',
    )
    .argument('<target>', 'name of the index: in a registry, local:NAME or oci:DIRECTORY:NAME')
    .argument(
      '<source...>',
      'images or indexes, of any transport; SOURCE@platform=linux/arm/v7,os.version=… says what one is for',
    )
    .option('-t, --tag <reference>', 'one more name for it; may be given several times', append)
    .option('--platform <platform>', 'platform of the one source, in place of its config’s')
    .addOption(typeOption('docker if all images are Docker’s, else oci'))
    .option('--replace', 'take the later of two sources of one platform')
    .option('--no-attestations', 'leave out the SBOM and provenance of the sources')
    .option('--annotation <annotation>', '[index|manifest-descriptor[PLATFORM]:]KEY=VALUE', append)
    .option('--subject <reference>', 'what the index is about: a digest, or a reference')
    .option('--artifact-type <type>', 'what the index is, when it is no image');
  withResult(withGuards(program)).action(async (target: string, sources: string[], flags: Flags) => {
    const written = await createIndex({
      target,
      sources,
      registry: registrySettings(flags),
      tags: flags.tag ?? [],
      platform: flags.platform,
      type: flags.type,
      replace: flags.replace,
      attestations: flags.attestations,
      annotations: flags.annotation ?? [],
      subject: flags.subject,
      artifactType: flags.artifactType,
      require: flags.require ?? [],
      optional: flags.optional ?? [],
      expect: flags.expectDigest,
      dryRun: flags.dryRun,
      signal: context.signal,
      onEvent: eventWriter(flags),
    });
    await writeResult(written, flags);
  });
  return addRegistryOptions(program);
}
