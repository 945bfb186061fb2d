import {
  addRegistration,
  type Registration,
  readRegistrations,
  removeRegistration,
} from '../../build/sandbox/binfmt-table.ts';
import { binfmtLine } from '../../build/sandbox/emulator-table.ts';
import { isFor, serves } from '../../build/sandbox/emulators.ts';
import { emulatorVersion } from './emulator-program.ts';
import { type FoundEmulator, findEmulators, type InstallEmulatorsOptions } from './find-emulators.ts';

export interface InstalledEmulator {
  readonly architecture: string;
  readonly name: string;
  readonly program: string;
  readonly version?: string;
  readonly from?: string;
  /** `unchanged`: what is registered runs its programs in any root already. Of private ones, which are `installed`: builds take that program already. */
  readonly status: 'installed' | 'registered' | 'replaced' | 'unchanged';
}

/** Registers emulators for the whole machine, which needs root. Fails as `findEmulators` does. */
export async function installEmulators(
  words: readonly string[],
  options: InstallEmulatorsOptions = {},
): Promise<InstalledEmulator[]> {
  const found = await findEmulators(words, options);
  return found.map(register);
}

function register(emulator: FoundEmulator): InstalledEmulator {
  const { emulated, name, program, from } = emulator;
  const registrations = readRegistrations();
  const known = registrations.filter(({ text }) => isFor(text, emulated));
  const good = known.find(
    ({ text, interpreter }) => serves(text, emulated) && (from === undefined || interpreter === program),
  );
  if (good !== undefined) return installed({ ...emulator, program: good.interpreter }, 'unchanged');
  const isNamed = (one: Registration) => one.name === name;
  const old = known.find(isNamed) ?? registrations.find(isNamed);
  if (old !== undefined) removeRegistration(old.name);
  addRegistration(name, binfmtLine(name, emulated, program));
  return installed(emulator, old === undefined ? 'registered' : 'replaced');
}

/** What is told of an emulator that was put where builds find it. */
export function installed(
  { architecture, name, program, from }: FoundEmulator,
  status: InstalledEmulator['status'],
): InstalledEmulator {
  const version = emulatorVersion(program);
  return { architecture, name, program, ...(version && { version }), ...(from && { from }), status };
}
