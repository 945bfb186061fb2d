import type { Command } from 'commander';
import type { ImageChanges } from '../../../index/image/mutate-image.ts';
import { failure } from '../../../lib/errors.ts';
import type { Descriptor } from '../../../oci/descriptor.ts';
import type { Location } from '../../../oci/location.ts';
import { parsePlatform } from '../../../oci/platform.ts';
import { parseReference, type Reference, withDefaultTag } from '../../../oci/reference.ts';
import { imageSettings, registryReference, settingsOf } from './global-flags.ts';
import { repositoryName } from './read-commands.ts';

/** `a,b` and several times, as pflag's slices; quotes that CSV has are not taken away. */
const list = (text: string, before: string[] | undefined): string[] => [
  ...(before ?? []),
  ...text.split(','),
];

function pairs(text: string, before: Record<string, string> | undefined): Record<string, string> {
  const found = { ...before };
  for (const pair of text.split(',')) {
    const equals = pair.indexOf('=');
    if (equals < 1) throw failure('USAGE', 'read', pair, 'not of the form NAME=VALUE');
    found[pair.slice(0, equals)] = pair.slice(equals + 1);
  }
  return found;
}

/** One variable each time: its value may hold commas. */
function variable(text: string, before: Record<string, string> | undefined): Record<string, string> {
  const equals = text.indexOf('=');
  if (equals < 1) throw failure('USAGE', 'read', text, 'not of the form NAME=VALUE');
  return { ...before, [text.slice(0, equals)]: text.slice(equals + 1) };
}

interface TargetFlags {
  readonly newTag?: string;
  readonly tag?: string;
  readonly output?: string;
}

/** Where the result goes: a tag, a file in docker save's format, or `fallback`'s repository by digest. */
function targetOf(flags: TargetFlags, fallback: Reference | undefined) {
  const tag = flags.newTag ?? flags.tag;
  return (descriptor: Descriptor): Location => {
    const named = tag === undefined ? undefined : withDefaultTag(parseReference(tag));
    if (flags.output !== undefined) {
      return { transport: 'docker-archive', path: flags.output, ...(named ? { reference: named } : {}) };
    }
    if (named) return { transport: 'docker', reference: named };
    if (fallback === undefined)
      throw failure('USAGE', 'write', 'image', 'no name for it: give --new_tag or --output');
    const { registry, repository } = fallback;
    return { transport: 'docker', reference: { registry, repository, digest: descriptor.digest } };
  };
}

function say(name: string | undefined, descriptor: Descriptor): void {
  if (name !== undefined) process.stdout.write(`${repositoryName(name)}@${descriptor.digest}\n`);
}

interface AppendFlags extends TargetFlags {
  readonly base?: string;
  readonly ociEmptyBase?: true;
  readonly setBaseImageAnnotations?: true;
}

export function appendCommand(command: Command, signal: AbortSignal): Command {
  return command
    .summary('put tars on top of an image, or of nothing')
    .option('-b, --base <image>', 'what to put them on; default: an empty image')
    .option('-f, --new_layer <paths>', 'tars, compressed or not', list)
    .option('-t, --new_tag <tag>', 'name of the result')
    .option('-o, --output <path>', 'write the result to a file in docker save’s format instead')
    .option('--oci-empty-base', 'OCI media types for an empty base')
    .option('--set-base-image-annotations', 'say in the result what it is based on')
    .action(async (flags: AppendFlags & { new_layer?: string[]; new_tag?: string }) => {
      const tag = flags.new_tag;
      const files = flags.new_layer ?? [];
      if (files.length === 0) throw failure('USAGE', 'append', '', 'no --new_layer');
      const [{ changeImage }, { mutateImage }, { baseDigest, baseName }] = await Promise.all([
        import('../../../app/image/change-image.ts'),
        import('../../../index/image/mutate-image.ts'),
        import('../../../index/image/base-annotations.ts'),
      ]);
      const { base } = flags;
      const reference = base === undefined ? undefined : registryReference(base);
      const settings =
        reference === undefined
          ? settingsOf(command, signal)
          : await imageSettings(command, reference, signal);
      const descriptor = await changeImage(
        reference ?? { empty: flags.ociEmptyBase ? 'oci' : 'docker' },
        targetOf({ ...flags, ...(tag === undefined ? {} : { newTag: tag }) }, undefined),
        (found, documents) => {
          if (!flags.setBaseImageAnnotations || found === undefined) return { documents };
          const { descriptor: root, reference: name } = found.named;
          const annotations = { [baseName]: name, [baseDigest]: root.digest };
          return { documents: mutateImage(documents, { annotations }) };
        },
        { ...settings, append: files },
      );
      if (flags.output === undefined) say(tag, descriptor);
    });
}

interface MutateFlags extends TargetFlags {
  readonly annotation?: Record<string, string>;
  readonly append?: string[];
  readonly cmd?: string[];
  readonly entrypoint?: string[];
  readonly env?: Record<string, string>;
  readonly exposedPorts?: string[];
  readonly label?: Record<string, string>;
  readonly repo?: string;
  readonly setPlatform?: string;
  readonly user?: string;
  readonly workdir?: string;
}

export function mutateCommand(command: Command, signal: AbortSignal): Command {
  return command
    .summary('change an image’s config')
    .argument('<image>')
    .option('-a, --annotation <name=value>', 'annotations to add', pairs)
    .option('--append <paths>', 'tars to put on top', list)
    .option('--cmd <words>', 'new cmd', list)
    .option('--entrypoint <words>', 'new entrypoint; the cmd goes with the old one', list)
    .option('-e, --env <name=value>', 'variable to add', variable)
    .option('--exposed-ports <ports>', 'ports to expose', list)
    .option('-l, --label <name=value>', 'labels to add', pairs)
    .option('-o, --output <path>', 'write the result to a file in docker save’s format instead')
    .option('--repo <repository>', 'push the result there, by digest')
    .option('--set-platform <platform>', 'new platform')
    .option('-t, --tag <tag>', 'name of the result; default: by digest to the image’s own repository')
    .option('-u, --user <user>', 'new user')
    .option('-w, --workdir <path>', 'new working directory')
    .action(async (image: string, flags: MutateFlags) => {
      if (flags.tag !== undefined && flags.repo !== undefined)
        throw failure('USAGE', 'mutate', image, '--tag and --repo: one says where');
      const [{ changeImage }, { mutateImage }] = await Promise.all([
        import('../../../app/image/change-image.ts'),
        import('../../../index/image/mutate-image.ts'),
      ]);
      const changes: ImageChanges = {
        annotations: flags.annotation,
        cmd: flags.cmd,
        entrypoint: flags.entrypoint,
        env: flags.env,
        exposedPorts: flags.exposedPorts,
        labels: flags.label,
        platform: flags.setPlatform === undefined ? undefined : parsePlatform(flags.setPlatform),
        user: flags.user,
        workingDirectory: flags.workdir,
      };
      const reference = registryReference(image);
      const descriptor = await changeImage(
        reference,
        targetOf(flags, parseReference(flags.repo ?? image)),
        (_found, documents) => ({ documents: mutateImage(documents, changes) }),
        { ...(await imageSettings(command, reference, signal)), append: flags.append },
      );
      if (flags.output === undefined) say(flags.tag ?? flags.repo ?? image, descriptor);
    });
}

interface RebaseFlags {
  readonly new_base?: string;
  readonly old_base?: string;
  readonly original?: string;
  readonly rebased?: string;
  readonly tag?: string;
}

export function rebaseCommand(command: Command, signal: AbortSignal): Command {
  return command
    .summary('put another base under an image')
    .argument('[image]')
    .option('--new_base <image>', 'default: what the image’s annotations name')
    .option('--old_base <image>', 'default: what the image’s annotations name')
    .option('--original <image>', 'the image, where it is not an argument')
    .option('--rebased <tag>', 'as --tag')
    .option('-t, --tag <tag>', 'name of the result; default: by digest to the image’s own repository')
    .action(async (argument: string | undefined, flags: RebaseFlags) => {
      const image = argument ?? flags.original;
      if (image === undefined) throw failure('USAGE', 'rebase', '', 'no image');
      const tag = flags.tag ?? flags.rebased;
      const { rebaseOnto } = await import('../../../app/image/rebase-onto.ts');
      const named = (text: string | undefined) => (text === undefined ? undefined : registryReference(text));
      const descriptor = await rebaseOnto(
        registryReference(image),
        targetOf(tag === undefined ? {} : { tag }, parseReference(image)),
        {
          ...settingsOf(command, signal),
          oldBase: named(flags.old_base),
          newBase: named(flags.new_base),
        },
      );
      say(tag ?? image, descriptor);
    });
}
