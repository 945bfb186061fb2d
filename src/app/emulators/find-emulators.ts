import { dataDirectory } from '../../lib/data-directory.ts';
import { failure } from '../../lib/errors.ts';
import { findProgram } from '../../lib/find-program.ts';
import type { InspectOptions } from '../inspect/open-root.ts';
import { chooseArchitectures, type ForeignArchitecture } from './emulator-choice.ts';
import { EmulatorFiles } from './emulator-files.ts';
import { checkEmulatorProgram } from './emulator-program.ts';
import { fetchEmulators } from './fetch-emulators.ts';

export interface InstallEmulatorsOptions extends InspectOptions {
  /** An image that has qemu's programs, such as tonistiigi/binfmt. Default: this machine's qemu-user-static. */
  readonly from?: string | undefined;
}

export interface FoundEmulator extends ForeignArchitecture {
  /** Where it lies on this machine: a static ELF of this machine's, at a path that binfmt_misc takes. */
  readonly program: string;
  /** The image that it comes from, with the digest of its manifest for this machine. */
  readonly from?: string;
}

/** The line's end is the kernel's: its fields are parted by colons, and it has 1920 bytes at most (fs/binfmt_misc.c). */
const maxProgramBytes = 1024;

/**
 * One program for each architecture that was named: of an image, whose programs are written below the data directory first, or of this machine. `words`: `all`, or
 * architectures. EMULATOR where there is none for one that was named, or none at all; UNSUPPORTED for a path that binfmt_misc does not take.
 */
export async function findEmulators(
  words: readonly string[],
  options: InstallEmulatorsOptions,
): Promise<FoundEmulator[]> {
  const { from, env } = options;
  const wanted = chooseArchitectures(words);
  const files = new EmulatorFiles(dataDirectory(env));
  const fetched = from === undefined ? undefined : await fetchEmulators(from, wanted, files, options);
  const isAll = words.length === 0 || words.includes('all');
  const found = wanted.flatMap((foreign): FoundEmulator[] => {
    const program = fetched ? fetched.programs.get(foreign.name) : findProgram(`${foreign.name}-static`, env);
    if (program === undefined && !isAll) throw missingProgram(foreign.architecture, foreign.name, from);
    return program === undefined ? [] : [{ ...foreign, program, ...(fetched && { from: fetched.image }) }];
  });
  if (found.length === 0) throw missingProgram('all', undefined, from);
  for (const { program } of found) {
    checkEmulatorProgram(program);
    checkRegistrable(program);
  }
  return found;
}

function checkRegistrable(program: string): void {
  if (!program.includes(':') && program.length <= maxProgramBytes) return;
  throw failure('UNSUPPORTED', 'register', program, 'the kernel takes no such path', {
    hint: 'name a data directory without ":" with POLYARCH_HOME',
  });
}

/** `name`: of the registration; undefined where no program at all was found. */
function missingProgram(word: string, name: string | undefined, from: string | undefined): Error {
  const program = name === undefined ? 'no qemu' : `no ${name}-static`;
  const what = from === undefined ? `there is ${program} on this machine` : `${from} has ${program} in bin`;
  return failure('EMULATOR', 'install emulator', word, what, {
    hint:
      from === undefined
        ? 'apt-get install qemu-user-static, or --from an image that has it'
        : `polyarch inspect --files ${from} shows what it has`,
  });
}
