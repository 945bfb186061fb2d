import { dataDirectory } from '../../lib/data-directory.ts';
import { failure } from '../../lib/errors.ts';
import type { InspectOptions } from '../inspect/open-root.ts';
import { chooseArchitectures } from './emulator-choice.ts';
import { EmulatorFiles } from './emulator-files.ts';
import { checkEmulatorProgram, emulatorVersion } from './emulator-program.ts';
import { fetchEmulators } from './fetch-emulators.ts';
import { checkRegistrable, type InstalledEmulator, missingProgram } from './install-emulators.ts';
import { keepUsedPrograms, type RemovedEmulator } from './remove-emulators.ts';

/**
 * Takes emulators out of an image for the builds of this user, who need not be root: the machine's table stays as it is. EMULATOR when the image lacks one that was
 * named.
 */
export async function installPrivately(
  words: readonly string[],
  options: InspectOptions & { readonly from?: string | undefined } = {},
): Promise<InstalledEmulator[]> {
  const { from, env } = options;
  if (from === undefined) {
    throw failure('USAGE', 'use --private', words.join(' '), 'it takes emulators out of an image', {
      hint: `polyarch emulator install --private --from tonistiigi/binfmt ${words.join(' ')}`,
    });
  }
  const wanted = chooseArchitectures(words);
  const files = new EmulatorFiles(dataDirectory(env));
  const { image, programs } = await fetchEmulators(from, wanted, files, options);
  const isAll = words.length === 0 || words.includes('all');
  const found = wanted.flatMap(({ architecture, name }) => {
    const program = programs.get(name);
    if (program === undefined && !isAll) throw missingProgram(architecture, name, from);
    return program === undefined ? [] : [{ architecture, name, program }];
  });
  if (found.length === 0) throw missingProgram('all', undefined, from);
  for (const { program } of found) {
    checkEmulatorProgram(program);
    checkRegistrable(program);
  }
  const installed = found.map(({ architecture, name, program }): InstalledEmulator => {
    const status = files.linkPrivately(name, program);
    const version = emulatorVersion(program);
    return { architecture, name, program, ...(version && { version }), from: image, status };
  });
  keepUsedPrograms(files);
  return installed;
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
