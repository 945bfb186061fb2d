import {
  addRegistration,
  type Registration,
  readRegistrations,
  removeRegistration,
} from '../../build/sandbox/binfmt-table.ts';
import { binfmtLine } from '../../build/sandbox/emulator-table.ts';
import { isFor, serves } from '../../build/sandbox/emulators.ts';
import { dataDirectory } from '../../lib/data-directory.ts';
import { failure } from '../../lib/errors.ts';
import { findProgram } from '../../lib/find-program.ts';
import type { InspectOptions } from '../inspect/open-root.ts';
import { chooseArchitectures, type ForeignArchitecture } from './emulator-choice.ts';
import { EmulatorFiles } from './emulator-files.ts';
import { checkEmulatorProgram, emulatorVersion } from './emulator-program.ts';
import { type FetchedEmulators, fetchEmulators } from './fetch-emulators.ts';

export interface InstallEmulatorsOptions extends InspectOptions {
  /** An image that has qemu's programs, such as tonistiigi/binfmt. Default: this machine's qemu-user-static. */
  readonly from?: string | undefined;
}

export interface InstalledEmulator {
  readonly architecture: string;
  readonly name: string;
  readonly program: string;
  readonly version?: string;
  readonly from?: string;
  /** `unchanged`: what is registered runs its programs in any root already. Of private ones, which are `installed`: builds take that program already. */
  readonly status: 'installed' | 'registered' | 'replaced' | 'unchanged';
}

/** The line's end is the kernel's: its fields are parted by colons, and it has 1920 bytes at most (fs/binfmt_misc.c). */
const maxProgramBytes = 1024;

/** Registers emulators for the whole machine, which needs root. EMULATOR where there is none for an architecture that was named. */
export async function installEmulators(
  words: readonly string[],
  options: InstallEmulatorsOptions = {},
): Promise<InstalledEmulator[]> {
  const wanted = chooseArchitectures(words);
  const { from, env } = options;
  const files = new EmulatorFiles(dataDirectory(env));
  const fetched = from === undefined ? undefined : await fetchEmulators(from, wanted, files, options);
  const isAll = words.length === 0 || words.includes('all');
  const found = wanted.flatMap((foreign) => {
    const program = fetched ? fetched.programs.get(foreign.name) : findProgram(`${foreign.name}-static`, env);
    if (program === undefined && !isAll) throw missingProgram(foreign.architecture, foreign.name, from);
    return program === undefined ? [] : [{ foreign, program }];
  });
  if (found.length === 0) throw missingProgram('all', undefined, from);
  for (const { program } of found) {
    checkEmulatorProgram(program);
    checkRegistrable(program);
  }
  return found.map(({ foreign, program }) => register(foreign, program, fetched));
}

/** UNSUPPORTED for a path that binfmt_misc does not take. */
export function checkRegistrable(program: string): void {
  if (!program.includes(':') && program.length <= maxProgramBytes) return;
  throw failure('UNSUPPORTED', 'register', program, 'the kernel takes no such path', {
    hint: 'name a data directory without ":" with POLYARCH_HOME',
  });
}

function register(
  { architecture, emulated, name }: ForeignArchitecture,
  program: string,
  fetched: FetchedEmulators | undefined,
): InstalledEmulator {
  const known = readRegistrations().filter(({ text }) => isFor(text, emulated));
  const describe = (path: string, status: InstalledEmulator['status']): InstalledEmulator => {
    const version = emulatorVersion(path);
    const source = fetched === undefined ? {} : { from: fetched.image };
    return { architecture, name, program: path, ...(version && { version }), ...source, status };
  };
  const good = known.find(
    ({ text, interpreter }) => serves(text, emulated) && (fetched === undefined || interpreter === program),
  );
  if (good !== undefined) return describe(good.interpreter, 'unchanged');
  const old = known.find((one) => one.name === name) ?? named(name);
  if (old !== undefined) removeRegistration(old.name);
  addRegistration(name, binfmtLine(name, emulated, program));
  return describe(program, old === undefined ? 'registered' : 'replaced');
}

function named(name: string): Registration | undefined {
  return readRegistrations().find((one) => one.name === name);
}

/** `name`: of the registration; undefined where no program at all was found. */
export function missingProgram(word: string, name: string | undefined, from: string | undefined): Error {
  const program = name === undefined ? 'no qemu' : `no ${name}-static`;
  const what = from === undefined ? `there is ${program} on this machine` : `${from} has ${program} in bin`;
  return failure('EMULATOR', 'install emulator', word, what, {
    hint:
      from === undefined
        ? 'apt-get install qemu-user-static, or --from an image that has it'
        : `polyarch inspect --files ${from} shows what it has`,
  });
}
