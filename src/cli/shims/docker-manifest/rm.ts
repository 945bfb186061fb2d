import type { Command } from 'commander';
import { removeManifestLists } from '../../../app/docker-manifest/docker-manifest.ts';

export function command(program: Command): Command {
  return program.argument('<manifest-list...>').action(async (lists: string[]) => {
    await removeManifestLists(lists);
  });
}
