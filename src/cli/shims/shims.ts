import type { CommandTable } from '../command-table.ts';

/**
 * Programs of the field whose command line is understood: by `polyarch shim NAME …`, and by a symbolic link NAME to polyarch. A program with
 * options of its own in front of its commands is one leaf; others may be a group.
 */
export const shims: CommandTable = {
  crane: {
    summary: 'Understand the command line of crane',
    load: () => import('./crane.ts'),
  },
  'docker-manifest': {
    summary: 'Understand the command line of docker manifest',
    subcommands: async () => (await import('./docker-manifest/commands.ts')).dockerManifestCommands,
  },
  imagetools: {
    summary: 'Understand the command line of docker buildx imagetools',
    subcommands: async () => (await import('./imagetools/commands.ts')).imagetoolsCommands,
  },
  'manifest-tool': {
    summary: 'Understand the command line of manifest-tool',
    load: () => import('./manifest-tool/manifest-tool.ts'),
  },
  skopeo: {
    summary: 'Understand the command line of skopeo',
    load: () => import('./skopeo/skopeo.ts'),
  },
};
