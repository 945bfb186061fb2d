import type { Command } from 'commander';
import { failure } from '../../../lib/errors.ts';
import { formatLocation } from '../../../oci/location.ts';
import { type GlobalFlags, withTimeout } from './global-options.ts';
import {
  addSkopeoRegistryOptions,
  type SkopeoRegistryFlags,
  skopeoRegistrySettings,
} from './registry-flags.ts';
import { skopeoLocation } from './skopeo-location.ts';

export function deleteCommand(program: Command, { signal }: { signal: AbortSignal }): Command {
  const command = program
    .command('delete')
    .summary('delete an image and every tag of it')
    .argument('<image>', 'docker://NAME')
    .action(async (image: string) => {
      const flags = command.optsWithGlobals<SkopeoRegistryFlags & GlobalFlags>();
      const location = skopeoLocation(image);
      if (location.transport !== 'docker') {
        throw failure('UNSUPPORTED', 'delete', formatLocation(location), 'images are deleted in a registry');
      }
      const { deleteImage } = await import('../../../app/delete-image.ts');
      await deleteImage(location, {
        registry: skopeoRegistrySettings(flags),
        signal: withTimeout(signal, flags),
      });
    });
  return addSkopeoRegistryOptions(command);
}
