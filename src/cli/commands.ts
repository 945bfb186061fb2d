import type { CommandTable } from './command-table.ts';

export const commands: CommandTable = {
  build: {
    summary: 'Build a multi-platform image from a Dockerfile',
    load: () => import('./build.ts'),
  },
  index: {
    summary: 'Assemble, change and check indexes: one name for the images of several platforms',
    subcommands: async () => (await import('./index/commands.ts')).indexCommands,
  },
  cache: {
    summary: 'List, measure, check and prune what builds left on this machine',
    subcommands: async () => (await import('./cache/cache.ts')).cache,
  },
  copy: {
    summary: 'Copy an image between registries, layouts, archives and engines',
    load: () => import('./copy.ts'),
  },
  doctor: {
    summary: 'Say what this machine can build, and what mends the rest',
    load: () => import('./doctor.ts'),
  },
  emulator: {
    summary: 'List, register and remove this machine’s emulators of other architectures',
    subcommands: async () => (await import('./emulator/emulator.ts')).emulator,
  },
  images: {
    summary: 'List, remove and prune the images of the local store',
    subcommands: async () => (await import('./images/images.ts')).images,
  },
  inspect: {
    summary: 'Show the platforms of an image, or one platform’s layers and history',
    load: () => import('./inspect.ts'),
  },
  login: {
    summary: 'Log in to a registry',
    load: () => import('./login.ts'),
  },
  logout: {
    summary: 'Forget the credentials of a registry',
    load: () => import('./logout.ts'),
  },
  pull: {
    summary: 'Copy an image from a registry into the local store',
    load: () => import('./pull.ts'),
  },
  push: {
    summary: 'Copy an image from the local store to a registry',
    load: () => import('./push.ts'),
  },
  run: {
    summary: 'Run an image, of this or another architecture',
    load: () => import('./run.ts'),
  },
  serve: {
    summary: 'Serve a registry from a directory',
    load: () => import('./serve.ts'),
  },
  shim: {
    summary: 'Take the command line of another program: skopeo, docker manifest, manifest-tool and others',
    subcommands: async () => (await import('./shims/shims.ts')).shims,
  },
  sync: {
    summary: 'Copy all images of a repository, or of a list, to a registry or directory',
    load: () => import('./sync.ts'),
  },
  tags: {
    summary: 'List and remove tags in a registry',
    subcommands: async () => (await import('./tags/tags.ts')).tags,
  },
  why: {
    summary: 'Say why a build ran steps: which input of each changed',
    load: () => import('./why.ts'),
  },
};
