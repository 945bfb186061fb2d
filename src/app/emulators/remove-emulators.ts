import {
  type Registration,
  readRegistrations,
  removeRegistration,
} from '../../build/sandbox/binfmt-table.ts';
import { isFor } from '../../build/sandbox/emulators.ts';
import { dataDirectory } from '../../lib/data-directory.ts';
import { failure } from '../../lib/errors.ts';
import { compileGoMatch } from '../../lib/go-match.ts';
import { chooseArchitectures } from './emulator-choice.ts';
import { EmulatorFiles } from './emulator-files.ts';

export interface RemovedEmulator {
  readonly name: string;
  readonly program: string;
}

/**
 * Takes registrations of qemu out of the machine's table, which needs root, and deletes programs of images that none uses any more. `words`: `all`,
 * architectures, or names and patterns of registrations (`qemu-*`). NOT_FOUND for a word that fits none.
 */
export function removeEmulators(
  words: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv } = {},
): RemovedEmulator[] {
  const qemus = readRegistrations().filter(({ name }) => name.startsWith('qemu-'));
  const chosen = new Map<string, Registration>();
  for (const word of words.flatMap((text) => text.split(','))) {
    const fitting = choose(word, qemus);
    if (fitting.length === 0 && word !== 'all') {
      throw failure('NOT_FOUND', 'remove emulator', word, 'none is registered', {
        hint: 'polyarch emulator ls',
      });
    }
    for (const one of fitting) chosen.set(one.name, one);
  }
  for (const { name } of chosen.values()) removeRegistration(name);
  keepUsedPrograms(new EmulatorFiles(dataDirectory(options.env)));
  return [...chosen.values()].map(({ name, interpreter }) => ({ name, program: interpreter }));
}

/** Deletes programs of images that neither the machine's table nor this user's builds take. */
export function keepUsedPrograms(files: EmulatorFiles): void {
  files.keepOnly(readRegistrations().map(({ interpreter }) => interpreter));
}

function choose(word: string, qemus: readonly Registration[]): Registration[] {
  if (word.startsWith('qemu-')) {
    const pattern = compileGoMatch(word);
    return qemus.filter(({ name }) => pattern?.test(name));
  }
  const architectures = chooseArchitectures([word]);
  return qemus.filter(({ text }) => architectures.some(({ emulated }) => isFor(text, emulated)));
}
