import type { Command } from 'commander';
import { formatRepository, parseReference } from '../../../oci/reference.ts';
import { terminalDocument } from '../../terminal-text.ts';
import { imageSettings, registryReference, settingsOf } from './global-flags.ts';

export function manifestCommand(command: Command, signal: AbortSignal): Command {
  return command
    .summary('print the manifest of an image, byte for byte')
    .argument('<image>')
    .action(async (image: string) => {
      const { inspectRaw } = await import('../../../app/inspect/inspect.ts');
      process.stdout.write(
        terminalDocument(await inspectRaw(registryReference(image), settingsOf(command, signal))),
      );
    });
}

export function configCommand(command: Command, signal: AbortSignal): Command {
  return command
    .summary('print the config of an image, byte for byte')
    .argument('<image>')
    .action(async (image: string) => {
      const reference = registryReference(image);
      const { inspectConfig } = await import('../../../app/inspect/inspect.ts');
      process.stdout.write(
        terminalDocument(await inspectConfig(reference, await imageSettings(command, reference, signal))),
      );
    });
}

export function digestCommand(command: Command, signal: AbortSignal): Command {
  return command
    .summary('print the digest of an image')
    .argument('<image>')
    .option('--full-ref', 'print the full image reference by digest')
    .action(async (image: string, flags: { fullRef?: true }) => {
      const { inspectDigest } = await import('../../../app/inspect/inspect.ts');
      const digest = await inspectDigest(registryReference(image), settingsOf(command, signal));
      const name = flags.fullRef ? `${repositoryName(image)}@` : '';
      process.stdout.write(`${name}${digest}\n`);
    });
}

export function lsCommand(command: Command, signal: AbortSignal): Command {
  return command
    .summary('list the tags of a repository')
    .argument('<repo>')
    .option('--full-ref', 'print full references')
    .option('-O, --omit-digest-tags', 'leave out tags that begin with sha256-')
    .action(async (repository: string, flags: { fullRef?: true; omitDigestTags?: true }) => {
      const { listTags } = await import('../../../app/tags/list-tags.ts');
      const { tags } = await listTags(registryReference(repository), settingsOf(command, signal));
      const shown = flags.omitDigestTags ? tags.filter((tag) => !tag.startsWith('sha256-')) : tags;
      const name = flags.fullRef ? `${repositoryName(repository)}:` : '';
      process.stdout.write(shown.map((tag) => `${name}${tag}\n`).join(''));
    });
}

/** `index.docker.io/library/debian`: go-containerregistry's name for Docker Hub. */
export function repositoryName(text: string): string {
  return formatRepository(parseReference(text)).replace(/^docker\.io\//, 'index.docker.io/');
}
