import { dataDirectory } from '../../lib/data-directory.ts';
import { failure } from '../../lib/errors.ts';
import { chooseArchitectures } from './emulator-choice.ts';
import { EmulatorFiles } from './emulator-files.ts';
import { findEmulators, type InstallEmulatorsOptions } from './find-emulators.ts';
import { type InstalledEmulator, installed } from './install-emulators.ts';
import { keepUsedPrograms, type RemovedEmulator } from './remove-emulators.ts';

/**
 * Takes emulators out of an image for the builds of this user, who need not be root: the machine's table stays as it is. USAGE without `from`;
 * fails as `findEmulators` does.
 */
export async function installPrivately(
  words: readonly string[],
  options: InstallEmulatorsOptions = {},
): Promise<InstalledEmulator[]> {
  const { from, env } = options;
  if (from === undefined) {
    throw failure('USAGE', 'use --private', words.join(' '), 'it takes emulators out of an image', {
      hint: `polyarch emulator install --private --from tonistiigi/binfmt ${words.join(' ')}`,
    });
  }
  const found = await findEmulators(words, options);
  const files = new EmulatorFiles(dataDirectory(env));
  const linked = found.map((emulator) =>
    installed(emulator, files.linkPrivately(emulator.name, emulator.program)),
  );
  keepUsedPrograms(files);
  return linked;
}

/** The other way. NOT_FOUND for an architecture that none was installed for. */
export function removePrivately(
  words: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv } = {},
): RemovedEmulator[] {
  const files = new EmulatorFiles(dataDirectory(options.env));
  const removed = chooseArchitectures(words).flatMap(({ architecture, name }): RemovedEmulator[] => {
    const program = files.unlinkPrivately(name);
    if (program !== undefined) return [{ name, program }];
    if (words.includes('all')) return [];
    throw failure('NOT_FOUND', 'remove emulator', architecture, 'none was installed privately', {
      hint: 'polyarch emulator ls',
    });
  });
  keepUsedPrograms(files);
  return removed;
}
