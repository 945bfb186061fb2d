import type { Command } from 'commander';
import { type CreateIndexOptions, createIndex } from '../../app/index/create-index.ts';
import { fanInIndex } from '../../app/index/fan-in-index.ts';
import type { IndexType } from '../../index/plan-create.ts';
import { failure } from '../../lib/errors.ts';
import { append } from '../option-lists.ts';
import { addRegistryOptions, type RegistryFlags, registrySettings } from '../registry-options.ts';
import { typeOption, withGuards, withResult } from './flags.ts';
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
  readonly fanIn?: string;
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
    .option('--artifact-type <type>', 'what the index is, when it is no image')
    .option(
      '--fan-in <key>',
      'register the sources under this key; the job that completes --require writes the index',
    );
  withResult(withGuards(program)).action(async (target: string, sources: string[], flags: Flags) => {
    const common = {
      target,
      sources,
      registry: registrySettings(flags),
      tags: flags.tag ?? [],
      platform: flags.platform,
      type: flags.type,
      replace: flags.replace,
      attestations: flags.attestations,
      annotations: flags.annotation ?? [],
      artifactType: flags.artifactType,
      require: flags.require ?? [],
      optional: flags.optional ?? [],
      signal: context.signal,
      onEvent: eventWriter(flags),
    };
    if (flags.fanIn !== undefined) {
      await fanIn(flags.fanIn, common, flags);
      return;
    }
    const written = await createIndex({
      ...common,
      subject: flags.subject,
      expect: flags.expectDigest,
      dryRun: flags.dryRun,
    });
    await writeResult(written, flags);
  });
  return addRegistryOptions(program);
}

/** A guard of one job against others has no sense between jobs that write one index together. */
async function fanIn(key: string, options: CreateIndexOptions, flags: Flags): Promise<void> {
  const { subject, expectDigest, dryRun } = flags;
  const odd = Object.entries({ '--subject': subject, '--expect-digest': expectDigest, '--dry-run': dryRun });
  for (const [name, value] of odd) {
    if (value !== undefined) throw failure('USAGE', 'use --fan-in', key, `it does not go with ${name}`);
  }
  const { registered, missing, written } = await fanInIndex({ ...options, key });
  const names = registered.join(', ');
  if (written === undefined) {
    process.stdout.write(`registered ${names} under ${key}; waiting for ${missing.join(', ')}\n`);
    return;
  }
  if (!flags.quiet) process.stderr.write(`registered ${names} under ${key}; the set is complete\n`);
  await writeResult(written, flags);
}
